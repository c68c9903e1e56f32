#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace parley::sip {

// RFC 3261 19.1: sip:user:password@host:port;uri-parameters?headers, and the same with sips:. tel: (RFC 3966) and URIs
// of other schemes are kept whole. A Uri holds its exact text, so that a signed route or an opaque Contact goes back
// byte for byte; the parts are views into it, still escaped. Value type.
class Uri {
public:
    enum class Scheme : std::uint8_t { sip, sips, tel, other };

    Uri() = default;
    static Result<Uri> parse(std::string_view text);
    // From parts that are not escaped; `params` with its leading ";" is taken as it is.
    static Uri sip(std::string_view user, std::string_view host, std::uint16_t port = 0, std::string_view params = {});

    const std::string& text() const { return text_; }
    bool empty() const { return text_.empty(); }
    Scheme scheme() const { return scheme_; }
    bool is_sip() const { return !empty() && (scheme_ == Scheme::sip || scheme_ == Scheme::sips); }
    std::string_view scheme_text() const { return at(scheme_text_); }
    bool has_user() const { return has_user_; }
    std::string_view user() const { return at(user_); }                  // escaped
    std::string_view password() const { return at(password_); }          // escaped
    std::string_view host() const { return at(host_); }                  // as sent; an IPv6 address with its brackets
    std::uint16_t port() const { return port_; }                         // 0: none was given
    std::string_view params() const { return at(params_); }              // without the first ";"
    std::string_view headers() const { return at(headers_); }            // without the "?"
    std::optional<std::string_view> param(std::string_view name) const;  // "" if it has no value
    // Scheme, user and host only, the host in lower case: the address of record.
    std::string aor() const;

    bool operator==(const Uri& other) const { return text_ == other.text_; }  // same bytes; see equivalent()

private:
    struct Span {
        std::uint32_t at = 0, size = 0;
    };
    std::string_view at(Span span) const { return {text_.data() + span.at, span.size}; }
    Result<void> parse_sip();

    std::string text_;
    Span scheme_text_, user_, password_, host_, params_, headers_;
    std::uint16_t port_ = 0;
    Scheme scheme_ = Scheme::other;
    bool has_user_ = false;
};

// RFC 3261 19.1.4.
bool equivalent(const Uri& a, const Uri& b);

// %XX back to bytes. The result may hold anything, NUL too: it is a byte string and must be checked before it is used
// as an address. Nothing if a % is not followed by two hexadecimal digits.
std::optional<std::string> unescape(std::string_view text);
std::string escape_user(std::string_view bytes);

}  // namespace parley::sip
