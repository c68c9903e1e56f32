#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/gateway_fixture.hpp"
#include "tests/scenario/match.hpp"

namespace parley::test {

// A user of a foreign SIP domain, whose server is 10.0.0.2:5060 over TCP. Header fields are given as the script has
// them; what a request needs besides is added.
class SipPeer {
public:
    SipPeer(MemoryNetwork& world, FakeExecutor& executor, std::string uri);  // "sip:bob@sip.example.net"

    // Fields: "Expires: 3600", "text: Hello", "pidf: open busy". `to` is "alice@example.com", outside a dialog;
    // empty: inside the dialog of the last SUBSCRIBE that came.
    void request(std::string_view method, const std::string& to, const std::vector<std::string>& fields);
    void answer(int status, const std::vector<std::string>& fields);  // the request that was read last
    // The next message, as a request's method or a response's status, and what its fields must be.
    std::string read(std::string_view what, const std::vector<std::string>& fields, Variables& variables);
    bool has_unread() const { return read_ < peer_.raw.size(); }
    std::string unread() const;
    void skip() { read_ = peer_.raw.size(); }

private:
    void connect();
    std::string body_of(const std::vector<std::string>& fields, std::string& head) const;

    MemoryNetwork network_;
    gateway::test::Peer peer_;
    std::string address_;
    std::map<std::string, std::string> tags_;  // of those we wrote to, by Call-ID
    std::string last_method_;
    std::size_t read_ = 0;
    int closed_ = 0;
    int sequence_ = 0;
};

}  // namespace parley::test
