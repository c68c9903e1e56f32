#pragma once

#include "im/caps.hpp"
#include "xmpp/stanza.hpp"

namespace parley::server {

class Session;
class Shard;

// What clients can do, by their capabilities (XEP-0115): native ones list urn:parley:native:0, some show XHTML-IM. What
// a hash stands for is asked once, of the first client that announces it. One a shard.
class NativeClients {
public:
    explicit NativeClients(Shard& shard) : shard_(shard) {}

    void on_available(Session& session);  // its own presence has changed
    // True: it was the answer to our question. A client that turns out to be native gets its contacts' presence anew,
    // since it may have been given the form for other clients.
    bool on_answer(Session& session, const xmpp::Stanza& answer);

private:
    Shard& shard_;
    im::CapsCache known_;
    std::uint64_t questions_ = 0;
};

}  // namespace parley::server
