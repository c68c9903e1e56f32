#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "sip/header/name_addr.hpp"
#include "sip/method.hpp"

namespace parley::sip {

// The header fields that parley reads or writes. All others are `other` and travel on untouched under their own name.
enum class HeaderId : std::uint8_t {
    other,
    via,
    from,
    to,
    call_id,
    cseq,
    max_forwards,
    contact,
    route,
    record_route,
    content_length,
    content_type,
    content_encoding,
    expires,
    min_expires,
    event,
    subscription_state,
    allow_events,
    supported,
    require,
    proxy_require,
    unsupported,
    accept,
    allow,
    retry_after,
    warning,
    reason,
    date,
    subject,
    user_agent,
    server,
    ms_diagnostics,
    ms_diagnostics_public,
};

HeaderId header_from(std::string_view name);  // any case, compact forms too
std::string_view to_string(HeaderId id);      // the full name

// A SIP request or response: start line, header fields in their order as they were on the wire, body. RFC 3261 7.
// Values are kept byte for byte (a folded line keeps its bytes, with two spaces for its CRLF), so Via and Record-Route
// can be echoed exactly. All text lies in one buffer: views that a message gives out die with its next change. Copyable
// value; no thread rules of its own.
class Message {
public:
    struct Field {
        HeaderId id;
        std::uint32_t name_at, name_size, value_at, value_size;
    };

    Message() = default;
    static Message request(std::string_view method, std::string_view uri);
    static Message response(int status, std::string_view reason_phrase);

    bool is_request() const { return status_ == 0; }
    Method method() const { return method_; }                          // of a request
    std::string_view method_text() const { return at(method_text_); }  // as sent
    std::string_view request_uri() const { return at(uri_); }          // as sent
    int status() const { return status_; }                             // of a response: 100 to 699
    std::string_view reason_phrase() const { return at(phrase_); }

    // The value of the first field of that kind, "" if there is none.
    std::string_view header(HeaderId id) const;
    std::string_view header(std::string_view name) const;
    bool has(HeaderId id) const { return count(id) > 0; }
    std::size_t count(HeaderId id) const;
    std::vector<std::string_view> headers(HeaderId id) const;  // one for each line
    // From and To, parsed once: a request is asked for them by everyone on its way. Valid until they change.
    const Result<NameAddr>& from() const { return parsed(HeaderId::from, from_); }
    const Result<NameAddr>& to() const { return parsed(HeaderId::to, to_); }
    const std::vector<Field>& fields() const { return fields_; }
    std::string_view name(const Field& field) const { return {text_.data() + field.name_at, field.name_size}; }
    std::string_view value(const Field& field) const { return {text_.data() + field.value_at, field.value_size}; }

    // The value must hold no CR or LF; who builds a value from foreign text has cleaned it (asserted).
    void add(HeaderId id, std::string_view value) { add(id, to_string(id), value); }
    void add(std::string_view name, std::string_view value) { add(header_from(name), name, value); }
    void add_first(HeaderId id, std::string_view value);
    void remove(HeaderId id);
    void set(HeaderId id, std::string_view value);

    const std::string& body() const { return body_; }
    // Sets or, for an empty type, removes Content-Type. Content-Length is written by serialise().
    void set_body(std::string_view content_type, std::string body);

    std::string serialise() const;

private:
    friend class MessageParser;
    struct Span {
        std::uint32_t at = 0, size = 0;
    };
    std::string_view at(Span span) const { return {text_.data() + span.at, span.size}; }
    Span store(std::string_view text);
    void add(HeaderId id, std::string_view name, std::string_view value);
    using Address = std::shared_ptr<const Result<NameAddr>>;  // shared by copies of the message
    const Result<NameAddr>& parsed(HeaderId id, Address& kept) const;
    void forget_addresses() { from_ = to_ = nullptr; }

    std::string text_;
    std::vector<Field> fields_;
    std::string body_;
    Span method_text_, uri_, phrase_;
    int status_ = 0;
    Method method_ = Method::other;
    mutable Address from_, to_;
};

// What is wrong with a request that can still be answered.
struct Problem {
    int status = 0;      // 400, 505, ...
    std::string phrase;  // names the header at fault, as RFC 3261 21.4.1 wants
    bool operator==(const Problem&) const = default;
};

struct Parsed {
    Message message;
    std::optional<Problem> problem;  // only requests: answer it with this and do nothing else
};

// One whole message as the framer cut it (or a datagram). An error means that not even a 400 is possible or that it is
// a response that must be discarded; the connection stays usable, since the framing was right.
Result<Parsed> parse_message(std::string_view bytes);

// Start line and header fields only, for answering a message whose framing is broken (see Framer).
Result<Parsed> parse_head(std::string_view head);

}  // namespace parley::sip
