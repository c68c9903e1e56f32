#pragma once

#include "bench/load/options.hpp"

namespace parley::bench {

// Each runs to its end, prints its line, and returns the exit status: 1 if anything was lost, doubled or reordered.
int run_chat(const Options& options);  // also "federated"
int run_chat_sm(const Options& options);
int run_idle(const Options& options);
int run_login(const Options& options);
int run_presence(const Options& options);

}  // namespace parley::bench
