#include "cli/commands.h"

int main(int argc, char** argv) { return wsbpf::run_command_line(argc, argv); }
