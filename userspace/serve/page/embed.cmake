# Writes the C++ source that holds the page, with its style and scripts put into its HTML:
#   cmake -DFOLDER=… -DSCRIPTS=a.js,b.js,… -DOUTPUT=page_html.cpp -P embed.cmake
file(READ ${FOLDER}/index.html html)
file(READ ${FOLDER}/style.css style)
set(script "")
string(REPLACE "," ";" scripts "${SCRIPTS}")
foreach(name IN LISTS scripts)
  file(READ ${FOLDER}/${name} part)
  string(APPEND script "${part}\n")
endforeach()
string(REPLACE "@STYLE@" "${style}" html "${html}")
string(REPLACE "@SCRIPT@" "${script}" html "${html}")
if(html MATCHES "\\)html\"")
  message(FATAL_ERROR "the page holds )html\", which would end the raw string")
endif()
file(WRITE ${OUTPUT} "#include \"serve/page.h\"

const std::string_view wsbpf::kPageHtml = R\"html(${html})html\";
")
