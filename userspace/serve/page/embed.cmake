# Writes the C++ source that holds the page: cmake -DINPUT=index.html -DOUTPUT=page_html.cpp -P embed.cmake
file(READ ${INPUT} html)
if(html MATCHES "\\)html\"")
  message(FATAL_ERROR "${INPUT} holds )html\", which would end the raw string")
endif()
file(WRITE ${OUTPUT} "// Made of userspace/serve/page/index.html; edit that.
#include \"serve/page.h\"

const std::string_view wsbpf::kPageHtml = R\"html(${html})html\";
")
