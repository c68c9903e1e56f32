#pragma once

namespace parley::ctl {

// The command line: reads it, runs the verb, gives the exit code. CLI11 is seen by cli.cpp only.
int run(int argc, const char* const* argv);

}  // namespace parley::ctl
