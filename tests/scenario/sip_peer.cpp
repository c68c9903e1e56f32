#include "tests/scenario/sip_peer.hpp"

#include "base/text.hpp"

namespace parley::test {
namespace {

constexpr std::string_view contact = "Contact: <sip:10.0.0.2:5060;transport=tcp>\n";

std::string pidf(std::string_view entity, std::string_view state) {
    const bool open = state.starts_with("open");
    std::string out =
        "<?xml version=\"1.0\"?><presence xmlns=\"urn:ietf:params:xml:ns:pidf\" "
        "xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" xmlns:r=\"urn:ietf:params:xml:ns:pidf:rpid\" entity=\"";
    out.append(entity).append("\"><tuple id=\"t\"><status><basic>").append(open ? "open" : "closed");
    out += "</basic></status></tuple>";
    const auto space = state.find(' ');
    if (space != std::string_view::npos)
        out.append("<dm:person id=\"p\"><r:activities><r:")
            .append(state.substr(space + 1))
            .append("/></r:activities></dm:person>");
    return out += "</presence>";
}

}  // namespace

SipPeer::SipPeer(MemoryNetwork& world, FakeExecutor& executor, std::string uri)
    : network_(world, "10.0.0.2"), peer_(network_, executor), address_(std::move(uri)) {
    peer_.listen(5060);
}

void SipPeer::connect() {
    if (peer_.connection && peer_.closed == closed_) return;
    closed_ = peer_.closed;
    peer_.framer = {};
    peer_.connect(5060);
}

std::string SipPeer::body_of(const std::vector<std::string>& fields, std::string& head) const {
    std::string body;
    for (const auto& field : fields) {
        const auto colon = field.find(':');
        const auto value = std::string(trim(std::string_view(field).substr(colon + 1)));
        if (field.starts_with("text:")) {
            head += "Content-Type: text/plain\n";
            body = value;
        } else if (field.starts_with("pidf:")) {
            head += "Content-Type: application/pidf+xml\n";
            body = pidf("pres:" + address_.substr(4), value);
        } else {
            head += field + '\n';
        }
    }
    return body;
}

void SipPeer::request(std::string_view method, const std::string& to, const std::vector<std::string>& fields) {
    connect();
    const auto number = std::to_string(++sequence_);
    std::string head(method);
    std::string from = '<' + address_ + ">;tag=", target, call_id;
    if (to.empty()) {
        const auto* subscribe = peer_.last("SUBSCRIBE");
        ASSERT_TRUE(subscribe) << "no dialog to send " << method << " in";
        from += "theirs";  // the tag of Peer::answer
        target = subscribe->header(sip::HeaderId::from);
        call_id = subscribe->header(sip::HeaderId::call_id);
        head += " sip:sip.example.com:5060;transport=tcp SIP/2.0\n";
    } else {
        from += 't' + number;
        target = "<sip:" + to + '>';
        call_id = "call" + number;
        head += " sip:" + to + " SIP/2.0\n";
    }
    head += "Via: SIP/2.0/TCP 10.0.0.2:5060;branch=z9hG4bKs" + number + "\nMax-Forwards: 70\nFrom: " + from +
            "\nTo: " + target + "\nCall-ID: " + call_id + "\nCSeq: " + number + ' ' + std::string(method) + '\n';
    if (method != "MESSAGE") head += contact;
    const auto body = body_of(fields, head);
    peer_.say(head + (body.empty() ? "" : "\n" + body));
}

void SipPeer::answer(int status, const std::vector<std::string>& fields) {
    std::string head;
    if (last_method_ == "SUBSCRIBE" && status < 300) head += contact;
    const auto body = body_of(fields, head);
    peer_.answer(last_method_, status, head + (body.empty() ? "" : "\n" + body));
}

std::string SipPeer::unread() const {
    std::string out;
    for (std::size_t i = read_; i < peer_.raw.size(); ++i) out += peer_.raw[i] + "\n";
    return out;
}

std::string SipPeer::read(std::string_view what, const std::vector<std::string>& fields, Variables& variables) {
    if (!has_unread()) return address_ + " hears nothing";
    const auto& raw = peer_.raw[read_];
    const auto& message = peer_.heard[read_];
    ++read_;
    if (message.is_request()) last_method_ = message.method_text();
    const auto is = message.is_request() ? std::string(message.method_text()) : std::to_string(message.status());
    if (!matches_text(what, is, variables)) return "it is\n" + raw;
    for (const auto& field : fields) {
        const auto colon = field.find(':');
        const auto name = field.substr(0, colon);
        const auto value = trim(std::string_view(field).substr(colon + 1));
        const auto have =
            name == "text" || name == "body" ? std::string(message.body()) : std::string(message.header(name));
        if (!matches_text(value, have, variables)) return "its " + name + " is \"" + have + '"';
    }
    return {};
}

}  // namespace parley::test
