#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/executor.hpp"
#include "net/connection.hpp"
#include "xml/parser.hpp"

namespace parley::server {

// What all XML streams of ours have in common (RFC 6120 4): bytes to items, one at a time; stream errors; closing. Who
// derives says what an item means. One thread at a time.
class XmlStream : public net::Connection::Handler {
public:
    // `outbound_soft`: when more than this waits to be written, nothing more is read until it has gone.
    XmlStream(std::unique_ptr<net::Connection> connection, const xml::ParserLimits& limits, std::size_t outbound_soft)
        : connection_(std::move(connection)), parser_(limits), outbound_soft_(outbound_soft) {}
    ~XmlStream() override = default;

    // Ends the stream with an error (4.9) and closes the connection once that is written.
    void close(std::string_view condition, std::string_view text = {});
    bool closing() const { return closing_; }
    bool end_said() const { return end_said_; }  // nothing can follow
    // Frees what an idle stream does not need. Called now and then for a stream that woke() has named; false: it is
    // idle, and needs no further call until it wakes again.
    bool sweep();
    const net::Endpoint& remote() const { return connection_->remote(); }
    bool congested() const { return connection_->unsent() > outbound_soft_; }
    void send(std::string_view text) { connection_->send(text); }

protected:
    virtual void on_header(const xml::Element& root) = 0;
    virtual void on_element(xml::Element element) = 0;
    virtual void on_stream_end() = 0;
    virtual void send_header() = 0;  // sets header_sent_
    virtual void before_close() {}   // the stream is about to end by our decision
    // The same with a stream error: condition and text. Gives the text that the peer shall read.
    virtual std::string refusing(std::string_view, std::string_view text) { return std::string(text); }
    virtual void woke() {}                               // bytes have come to an idle stream
    virtual bool in_handshake() const { return false; }  // TLS has begun: nothing can be said in XML

    void on_bytes(std::string_view bytes) override;
    void on_drained() override;
    void process();
    void wait();  // takes no more items until go_on(): an answer is awaited
    void go_on();
    void finish();   // our </stream:stream>, then the connection closes
    void say_end();  // the former alone; the peer may have more to say
    void abort();
    void send(const xml::Element& element, std::string_view ns);
    // Stanzas of ours go by this stream too, and may fill it up to what outbound_soft says: only if more than they and
    // some answers wait, the peer is not read. Else two who have much to say to each other would both fall silent.
    void expect_both_ways() { hold_back_at_ = 4 * outbound_soft_; }

    std::unique_ptr<net::Connection> connection_;
    xml::StreamParser parser_;
    bool header_sent_ = false;
    bool away_ = false;  // on its way to another thread; cleared there, with processing_
    bool processing_ = false;

private:
    void parser_failed(const Error& error);
    void hold_back();
    void watch_progress();

    std::size_t outbound_soft_;
    std::size_t hold_back_at_ = outbound_soft_;
    std::size_t unsent_before_ = 0;  // when progress was last looked at
    Timer progress_timer_;
    std::optional<Error> parser_error_;
    bool waiting_ = false;
    bool held_back_ = false;  // until the peer has read what waits for it
    bool active_ = false;     // bytes came since the last sweep
    bool awake_ = false;      // woke() was called, and sweep() has not said "idle" since
    bool closing_ = false;
    bool end_said_ = false;
};

}  // namespace parley::server
