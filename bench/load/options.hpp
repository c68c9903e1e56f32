#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/load/scram.hpp"

namespace parley::bench {

struct Server {
    std::uint16_t port = 0;
    std::string domain;
};

struct Options {
    std::string mode, label;
    Server server, other;  // `other` is the second server of the federated mode
    std::vector<int> pids;
    bool direct_tls = true;
    bool raw = false;  // TLS only: the peer is the relay, which knows no XMPP
    bool presence = true;
    Mechanism mechanism = Mechanism::scram_sha_256;
    std::string user_prefix = "u", password = "password", resource = "bench";
    unsigned sessions = 100;
    unsigned first_user = 0;
    unsigned window = 1;        // messages of one sender that are on their way at once
    unsigned ack_every = 1;     // with stream management: an <r/> after so many messages
    unsigned messages = 100;    // a sender, in the modes that count and do not time
    unsigned body = 64;         // bytes
    unsigned contacts = 20;     // a roster
    unsigned concurrency = 32;  // log-ins at once
    unsigned logins = 1000;
    double warm_up = 2, seconds = 10, settle = 5;
    // The SIP domain that we play: where the server takes SIP over TLS, where we take what it opens, and what we show.
    std::uint16_t sip_port = 0, sip_listen = 0;
    std::string sip_domain, certificate, key;
    bool sip_users = false;  // the server's own users speak SIP too: a server that knows no XMPP
};

// Prints what is wrong and exits with 2 if the command line is not understood.
Options parse_options(int argc, char** argv);

}  // namespace parley::bench
