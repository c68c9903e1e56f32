#include "sip/check.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/text.hpp"
#include "sip/header/cseq.hpp"
#include "sip/header/name_addr.hpp"
#include "sip/header/numbers.hpp"
#include "sip/header/via.hpp"

namespace parley::sip {
namespace {

Problem bad(std::string_view what) {
    return {400, "Bad " + std::string(what)};
}

// Exactly one, or the reader before us may have taken the other one.
std::optional<Problem> exactly_one(const Message& message) {
    constexpr std::array once{HeaderId::from,           HeaderId::to,
                              HeaderId::call_id,        HeaderId::cseq,
                              HeaderId::max_forwards,   HeaderId::content_type,
                              HeaderId::expires,        HeaderId::event,
                              HeaderId::content_length, HeaderId::subscription_state};
    constexpr std::size_t needed = 4;  // the first of them
    std::array<std::uint16_t, once.size()> counts{};
    for (const auto& field : message.fields()) {
        const auto found = std::find(once.begin(), once.end(), field.id);
        if (found != once.end()) ++counts[static_cast<std::size_t>(found - once.begin())];
    }
    for (std::size_t i = 0; i < once.size(); ++i) {
        if (counts[i] == 0 && i < needed) return Problem{400, "Missing " + std::string(to_string(once[i]))};
        if (counts[i] > 1) return Problem{400, "Repeated " + std::string(to_string(once[i]))};
    }
    return {};
}

std::optional<Problem> vias(const Message& message) {
    for (const auto& field : message.fields()) {
        if (field.id != HeaderId::via) continue;
        for (const auto value : split_list(message.value(field))) {
            const auto via = parse_via(value);
            if (!via) return bad("Via");
            if (!equal_ignoring_case(via->version, "SIP/2.0")) return Problem{505, {}};
        }
    }
    return {};
}

std::optional<Problem> addresses(const Message& message) {
    for (const auto id : {HeaderId::from, HeaderId::to}) {
        const auto& address = id == HeaderId::from ? message.from() : message.to();
        if (!address) return bad(to_string(id));
        // A tag is what a dialog is found by; without a value it is none (RFC 3261 19.3).
        if (const auto tag = address->params.get("tag"); tag && !is_token(*tag)) return bad(to_string(id));
    }
    for (const auto& field : message.fields()) {
        if (field.id != HeaderId::contact && field.id != HeaderId::route && field.id != HeaderId::record_route)
            continue;
        if (field.id == HeaderId::contact && message.value(field) == "*") continue;
        for (const auto value : split_list(message.value(field)))
            if (!parse_name_addr(value)) return bad(to_string(field.id));
    }
    return {};
}

// RFC 3261 20.8   callid = word [ "@" word ]
bool is_call_id(std::string_view value) {
    if (value.empty() || value.front() == '@' || value.back() == '@') return false;
    bool host = false;
    for (const char c : value) {
        if (c == '@' && !host)
            host = true;
        else if (!is_token_character(c) && std::string_view("()<>:\\\"/[]?{}").find(c) == std::string_view::npos)
            return false;
    }
    return true;
}

}  // namespace

std::optional<Problem> check(const Message& message) {
    if (message.is_request()) {
        const auto uri = Uri::parse(message.request_uri());
        if (!uri || !uri->headers().empty()) return bad("Request-URI");  // 19.1.5: no headers there
    }
    if (auto problem = vias(message)) return problem;
    if (auto problem = exactly_one(message)) return problem;
    if (auto problem = addresses(message)) return problem;
    if (!is_call_id(message.header(HeaderId::call_id))) return bad("Call-ID");
    const auto cseq = parse_cseq(message.header(HeaderId::cseq));
    if (!cseq) return bad("CSeq");
    if (message.is_request() && cseq->method_text != message.method_text()) return Problem{400, "CSeq Method Mismatch"};
    if (message.has(HeaderId::max_forwards) && !parse_max_forwards(message.header(HeaderId::max_forwards)))
        return bad("Max-Forwards");
    if (message.has(HeaderId::content_length) && !parse_number<std::uint32_t>(message.header(HeaderId::content_length)))
        return bad("Content-Length");
    return {};
}

}  // namespace parley::sip
