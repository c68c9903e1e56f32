#include "sip/message.hpp"

#include <array>
#include <cassert>

#include "base/text.hpp"
#include "sip/reason_phrase.hpp"

namespace parley::sip {
namespace {

struct HeaderName {
    HeaderId id;
    std::string_view name;
    char compact = 0;  // RFC 3261 7.3.3, RFC 6665 8.2
};

constexpr std::array header_names{
    HeaderName{HeaderId::via, "Via", 'v'},
    HeaderName{HeaderId::from, "From", 'f'},
    HeaderName{HeaderId::to, "To", 't'},
    HeaderName{HeaderId::call_id, "Call-ID", 'i'},
    HeaderName{HeaderId::cseq, "CSeq"},
    HeaderName{HeaderId::max_forwards, "Max-Forwards"},
    HeaderName{HeaderId::contact, "Contact", 'm'},
    HeaderName{HeaderId::route, "Route"},
    HeaderName{HeaderId::record_route, "Record-Route"},
    HeaderName{HeaderId::content_length, "Content-Length", 'l'},
    HeaderName{HeaderId::content_type, "Content-Type", 'c'},
    HeaderName{HeaderId::content_encoding, "Content-Encoding", 'e'},
    HeaderName{HeaderId::expires, "Expires"},
    HeaderName{HeaderId::min_expires, "Min-Expires"},
    HeaderName{HeaderId::event, "Event", 'o'},
    HeaderName{HeaderId::subscription_state, "Subscription-State"},
    HeaderName{HeaderId::allow_events, "Allow-Events", 'u'},
    HeaderName{HeaderId::supported, "Supported", 'k'},
    HeaderName{HeaderId::require, "Require"},
    HeaderName{HeaderId::proxy_require, "Proxy-Require"},
    HeaderName{HeaderId::unsupported, "Unsupported"},
    HeaderName{HeaderId::accept, "Accept"},
    HeaderName{HeaderId::allow, "Allow"},
    HeaderName{HeaderId::retry_after, "Retry-After"},
    HeaderName{HeaderId::warning, "Warning"},
    HeaderName{HeaderId::reason, "Reason"},
    HeaderName{HeaderId::date, "Date"},
    HeaderName{HeaderId::subject, "Subject", 's'},
    HeaderName{HeaderId::user_agent, "User-Agent"},
    HeaderName{HeaderId::server, "Server"},
    HeaderName{HeaderId::ms_diagnostics, "ms-diagnostics"},
    HeaderName{HeaderId::ms_diagnostics_public, "ms-diagnostics-public"},
};

}  // namespace

// Each line of each message asks: most names are told apart by their length and first letter.
HeaderId header_from(std::string_view name) {
    if (name.empty()) return HeaderId::other;
    const char first = to_lower(name[0]);
    if (name.size() == 1) {
        for (const auto& known : header_names)
            if (known.compact == first) return known.id;
        return HeaderId::other;
    }
    for (const auto& known : header_names)
        if (known.name.size() == name.size() && to_lower(known.name[0]) == first &&
            equal_ignoring_case(known.name, name))
            return known.id;
    return HeaderId::other;
}

std::string_view to_string(HeaderId id) {
    assert(id != HeaderId::other);
    return header_names[static_cast<std::size_t>(id) - 1].name;
}

Message Message::request(std::string_view method, std::string_view uri) {
    Message message;
    message.text_.reserve(1024);
    message.fields_.reserve(16);
    message.method_ = method_from(method);
    message.method_text_ = message.store(method);
    message.uri_ = message.store(uri);
    return message;
}

Message Message::response(int status, std::string_view phrase) {
    assert(status >= 100 && status <= 699);
    Message message;
    message.text_.reserve(1024);
    message.fields_.reserve(16);
    message.status_ = status;
    message.phrase_ = message.store(phrase.empty() ? sip::reason_phrase(status) : phrase);
    return message;
}

Message::Span Message::store(std::string_view text) {
    assert(text.find('\r') == std::string_view::npos && text.find('\n') == std::string_view::npos);
    const Span span{static_cast<std::uint32_t>(text_.size()), static_cast<std::uint32_t>(text.size())};
    text_.append(text);
    return span;
}

std::string_view Message::header(HeaderId id) const {
    for (const auto& field : fields_)
        if (field.id == id) return value(field);
    return {};
}

std::string_view Message::header(std::string_view wanted) const {
    for (const auto& field : fields_)
        if (equal_ignoring_case(name(field), wanted)) return value(field);
    return {};
}

std::size_t Message::count(HeaderId id) const {
    std::size_t n = 0;
    for (const auto& field : fields_) n += field.id == id;
    return n;
}

std::vector<std::string_view> Message::headers(HeaderId id) const {
    std::vector<std::string_view> values;
    for (const auto& field : fields_)
        if (field.id == id) values.push_back(value(field));
    return values;
}

const Result<NameAddr>& Message::parsed(HeaderId id, Address& kept) const {
    if (!kept) kept = std::make_shared<const Result<NameAddr>>(parse_name_addr(header(id)));
    return *kept;
}

void Message::add(HeaderId id, std::string_view name, std::string_view value) {
    if (id == HeaderId::from || id == HeaderId::to) forget_addresses();
    const auto n = store(name);
    const auto v = store(value);
    fields_.push_back({id, n.at, n.size, v.at, v.size});
}

void Message::add_first(HeaderId id, std::string_view value) {
    add(id, value);
    const auto field = fields_.back();
    fields_.pop_back();
    fields_.insert(fields_.begin(), field);
}

void Message::remove(HeaderId id) {
    if (id == HeaderId::from || id == HeaderId::to) forget_addresses();
    std::erase_if(fields_, [id](const Field& field) { return field.id == id; });
}

void Message::set(HeaderId id, std::string_view value) {
    const std::string copy(value);  // it may be a view of what is removed
    remove(id);
    add(id, copy);
}

void Message::set_body(std::string_view content_type, std::string body) {
    if (content_type.empty())
        remove(HeaderId::content_type);
    else
        set(HeaderId::content_type, content_type);
    body_ = std::move(body);
}

std::string Message::serialise() const {
    std::size_t size = text_.size() + body_.size() + 64 + fields_.size() * 4;
    std::string out;
    out.reserve(size);
    if (is_request()) {
        out.append(method_text()).append(" ").append(request_uri()).append(" SIP/2.0\r\n");
    } else {
        out.append("SIP/2.0 ").append(std::to_string(status_)).append(" ").append(reason_phrase()).append("\r\n");
    }
    for (const auto& field : fields_) {
        if (field.id == HeaderId::content_length) continue;
        out.append(name(field)).append(": ").append(value(field)).append("\r\n");
    }
    out.append("Content-Length: ").append(std::to_string(body_.size())).append("\r\n\r\n").append(body_);
    return out;
}

}  // namespace parley::sip
