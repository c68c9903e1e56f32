#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "bench/common/loop.hpp"
#include "bench/common/tls_socket.hpp"

namespace parley::bench {

// A SIP message as it lies in the link's buffer: valid during the call that hands it over.
struct SipMessage {
    std::string_view head;  // start line and header fields, without the empty line
    std::string_view body;

    bool is_response() const { return head.starts_with("SIP/2.0 "); }
    int status() const;               // of a response
    std::string_view method() const;  // of a request: its start line's; of a response: its CSeq's
    // The first field of that name, spelt as the servers under test spell it; "" if there is none.
    std::string_view header(std::string_view name) const;
    std::string vias() const;                           // all Via fields, as lines
    std::string_view tag(std::string_view name) const;  // the tag parameter of From or To
};

// One TLS connection that carries SIP, opened by either side. Cuts messages by Content-Length.
class SipLink final : public Pollable {
public:
    class Events {
    public:
        virtual ~Events() = default;
        virtual void on_sip(SipLink& link, const SipMessage& message) = 0;
        virtual void on_sip_closed(SipLink& link, std::string_view why) = 0;
    };

    SipLink(Loop& loop, Events& events) : loop_(loop), events_(events) {}
    ~SipLink() override;

    void connect(std::uint16_t port, SSL_CTX* context, const char* server_name);
    void adopt(int fd, SSL_CTX* context);
    void send(std::string_view bytes);
    bool ready() const { return stage_ == Stage::ready; }

    void on_ready(std::uint32_t events) override;

private:
    enum class Stage : std::uint8_t { connecting, handshake, ready, closed };

    void shake_hands();
    void read();
    void cut();
    void watch();
    void finish(std::string_view why);

    Loop& loop_;
    Events& events_;
    TlsSocket socket_;
    SSL_CTX* context_ = nullptr;
    std::string server_name_, pending_;
    Stage stage_ = Stage::connecting;
    bool server_ = false, watching_write_ = false;
};

// Accepts the connections that the server under test opens to us.
class SipListener final : public Pollable {
public:
    using Accepted = void (*)(void* owner, int fd);

    SipListener(Loop& loop, std::uint16_t port, void* owner, Accepted accepted);  // on 127.0.0.1
    ~SipListener() override;
    void on_ready(std::uint32_t events) override;

private:
    Loop& loop_;
    int fd_;
    void* owner_;
    Accepted accepted_;
};

}  // namespace parley::bench
