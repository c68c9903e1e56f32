#include <exception>
#include <iostream>

#include "apps/parleyctl/cli.hpp"
#include "apps/parleyctl/output.hpp"

int main(int argc, char** argv) {
    try {
        return parley::ctl::run(argc, argv);
    } catch (const std::exception& error) {  // a bug, or memory ran out: the exit code stays honest
        std::cerr << "parleyctl: " << error.what() << "\n";
        return parley::ctl::exit_problem;
    }
}
