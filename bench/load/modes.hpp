#pragma once

#include "bench/load/options.hpp"

namespace parley::bench {

// Each runs to its end, prints its line, and returns the exit status: 1 if anything was lost, doubled or reordered.
int run_chat(const Options& options);  // also "federated"
int run_chat_sm(const Options& options);
int run_idle(const Options& options);
int run_login(const Options& options);
int run_presence(const Options& options);
// With a SIP domain that we play beside the XMPP users; they need --sip-port and its companions.
int run_sip_talk(const Options& options);  // "sip-in", "sip-out"
int run_sip_session(const Options& options);
int run_sip_notify(const Options& options);
int run_sip_subscribe(const Options& options);

}  // namespace parley::bench
