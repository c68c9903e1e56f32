#include "server/xml_stream.hpp"

#include <utility>

#include "xml/writer.hpp"

namespace parley::server {
namespace {

constexpr Millis no_progress{60'000};  // a peer that reads nothing for so long, while much waits for it, is cut off

}  // namespace

void XmlStream::on_bytes(std::string_view bytes) {
    active_ = true;
    if (!std::exchange(awake_, true)) woke();
    if (closing_) return;
    if (const auto fed = parser_.feed(bytes); !fed) parser_error_ = fed.error();
    if (!waiting_ && !held_back_) process();
}

void XmlStream::process() {
    if (processing_) return;
    processing_ = true;
    while (!waiting_ && !closing_) {
        if (connection_->unsent() > hold_back_at_) {
            hold_back();
            break;
        }
        auto item = parser_.next();
        if (!item) break;
        if (auto* header = std::get_if<xml::StreamParser::Header>(&*item))
            on_header(header->root);
        else if (auto* element = std::get_if<xml::Element>(&*item))
            on_element(std::move(*element));
        else
            on_stream_end();
        if (away_) return;  // this thread has nothing to do with it any more
    }
    processing_ = false;
    if (parser_error_ && !waiting_ && !held_back_ && !closing_) parser_failed(*parser_error_);
}

// Whoever does not read our answers asks nothing more.
void XmlStream::hold_back() {
    held_back_ = true;
    connection_->pause_reading(true);
    if (!progress_timer_.pending()) watch_progress();
}

void XmlStream::watch_progress() {
    unsent_before_ = connection_->unsent();
    progress_timer_ = connection_->executor().after(no_progress, [this] {
        progress_timer_.cancel();
        if (!held_back_ || closing_) return;
        if (connection_->unsent() >= unsent_before_) return abort();
        watch_progress();
    });
}

void XmlStream::on_drained() {
    if (!std::exchange(held_back_, false)) return;
    progress_timer_.cancel();
    if (closing_ || away_) return;
    connection_->pause_reading(waiting_);
    if (!waiting_) process();
}

// RFC 6120 4.9.3: which stream error belongs to what the parser refuses.
void XmlStream::parser_failed(const Error& error) {
    switch (error.code) {
        case Errc::forbidden: return close("restricted-xml", error.detail);
        case Errc::too_long: return close("policy-violation", error.detail);
        default: return close("not-well-formed", error.detail);
    }
}

void XmlStream::close(std::string_view condition, std::string_view why) {
    if (closing_) return;
    const auto text = refusing(condition, why);
    if (in_handshake()) return abort();
    if (end_said_) return finish();  // nothing can follow
    if (!header_sent_) send_header();
    std::string out = "<stream:error><";
    out += condition;
    out += " xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>";
    if (!text.empty()) {
        out += "<text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>";
        xml::escape(out, text);
        out += "</text>";
    }
    out += "</stream:error>";
    send(out);
    finish();
}

void XmlStream::finish() {
    if (closing_) return;
    say_end();
    closing_ = true;
    before_close();
    connection_->close();
}

void XmlStream::say_end() {
    if (std::exchange(end_said_, true)) return;
    if (!header_sent_) send_header();
    send("</stream:stream>");
}

void XmlStream::abort() {
    closing_ = true;
    connection_->abort();
}

void XmlStream::wait() {
    waiting_ = true;
    connection_->pause_reading(true);
}

void XmlStream::go_on() {
    waiting_ = false;
    if (held_back_) return;
    connection_->pause_reading(false);
    process();  // no-op when called from inside it
}

void XmlStream::send(const xml::Element& element, std::string_view ns) {
    std::string text;
    xml::write(text, element, ns);
    send(text);
}

bool XmlStream::sweep() {
    if (std::exchange(active_, false) || waiting_ || held_back_) return true;
    parser_.release();
    awake_ = false;
    return false;
}

}  // namespace parley::server
