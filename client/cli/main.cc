#include "client/cli/program.h"

int main(int argc, char** argv) { return static_cast<int>(pannier::cli::run(argc, argv)); }
