#include "sip/uri.hpp"

#include <algorithm>
#include <vector>

#include "base/text.hpp"

namespace parley::sip {
namespace {

bool is_alnum(char c) {
    return (c >= '0' && c <= '9') || (to_lower(c) >= 'a' && to_lower(c) <= 'z');
}
bool is_unreserved(char c) {
    return is_alnum(c) || std::string_view("-_.!~*'()").find(c) != std::string_view::npos;
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = to_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Every % must start an escape.
bool well_escaped(std::string_view text, std::string_view extra) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%') {
            if (i + 2 >= text.size() || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0) return false;
            i += 2;
        } else if (!is_unreserved(text[i]) && extra.find(text[i]) == std::string_view::npos) {
            return false;
        }
    }
    return true;
}

// Visible, and none of those that end an address where it stands between others.
bool is_uri_text(std::string_view text) {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return c > 0x20 && c < 0x7f && c != '<' && c != '>' && c != '"'; });
}

bool is_host(std::string_view host) {
    if (host.empty() || host.size() > 255) return false;
    if (host.front() == '[')
        return host.size() > 3 && host.back() == ']' &&
               host.substr(1, host.size() - 2).find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
    // The underscore is not a host name's, but names with it are in use.
    return host.front() != '.' && host.front() != '-' && host.find("..") == std::string_view::npos &&
           std::all_of(host.begin(), host.end(),
                       [](char c) { return is_alnum(c) || c == '.' || c == '-' || c == '_'; });
}

// Unreserved characters decoded, other escapes in one spelling: equal results are equivalent texts (19.1.4).
std::string canonical(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%' || i + 2 >= text.size()) {
            out += text[i];
            continue;
        }
        const char byte = static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
        if (is_unreserved(byte))
            out += byte;
        else
            out.append("%").append(to_lower(text.substr(i + 1, 2)));
        i += 2;
    }
    return out;
}

struct Param {
    std::string name, value;
    auto operator<=>(const Param&) const = default;
};

std::vector<Param> params_of(std::string_view text, char separator) {
    std::vector<Param> params;
    if (text.empty()) return params;
    for (const auto part : split(text, separator)) {
        const auto equals = part.find('=');
        const auto value = equals == std::string_view::npos ? std::string_view{} : part.substr(equals + 1);
        params.push_back({to_lower(canonical(part.substr(0, equals))), to_lower(canonical(value))});
    }
    return params;
}

const Param* find(const std::vector<Param>& params, std::string_view name) {
    for (const auto& param : params)
        if (param.name == name) return &param;
    return nullptr;
}

// Those that stand in both must match; these five must stand in both or in none.
bool params_match(const std::vector<Param>& a, const std::vector<Param>& b) {
    for (const auto& param : a) {
        const auto* other = find(b, param.name);
        if (other ? other->value != param.value
                  : param.name == "user" || param.name == "ttl" || param.name == "method" || param.name == "maddr" ||
                        param.name == "transport")
            return false;
    }
    return true;
}

// 19.1.4: all of them, in any order.
bool headers_match(std::string_view a, std::string_view b) {
    const auto sorted = [](std::string_view text) {
        auto headers = params_of(text, '&');
        std::sort(headers.begin(), headers.end());
        return headers;
    };
    return sorted(a) == sorted(b);
}

}  // namespace

Result<Uri> Uri::parse(std::string_view text) {
    const auto colon = text.find(':');
    if (colon == 0 || colon == std::string_view::npos) return Error{Errc::malformed, "URI without a scheme"};
    if (!is_uri_text(text)) return Error{Errc::malformed, "URI with a character that must be escaped"};
    const auto scheme = text.substr(0, colon);
    for (const char c : scheme)
        if (!is_alnum(c) && c != '+' && c != '-' && c != '.') return Error{Errc::malformed, "bad URI scheme"};
    if (!(to_lower(scheme[0]) >= 'a' && to_lower(scheme[0]) <= 'z')) return Error{Errc::malformed, "bad URI scheme"};

    Uri uri;
    uri.text_ = std::string(text);
    uri.scheme_text_ = {0, static_cast<std::uint32_t>(colon)};
    if (equal_ignoring_case(scheme, "sip"))
        uri.scheme_ = Scheme::sip;
    else if (equal_ignoring_case(scheme, "sips"))
        uri.scheme_ = Scheme::sips;
    else if (equal_ignoring_case(scheme, "tel"))
        uri.scheme_ = Scheme::tel;
    if (colon + 1 == text.size()) return Error{Errc::malformed, "URI without an address"};
    if (uri.is_sip())
        if (const auto done = uri.parse_sip(); !done) return done.error();
    return uri;
}

Result<void> Uri::parse_sip() {
    const std::string_view all = text_;
    const auto span = [](std::size_t at, std::size_t end) {
        return Span{static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(end - at)};
    };
    auto from = static_cast<std::size_t>(scheme_text_.size) + 1;
    // "@" may stand nowhere but behind the user: with two of them, two readers could see two different hosts.
    const auto at_sign = all.find('@', from);
    if (at_sign != std::string_view::npos) {
        if (all.find('@', at_sign + 1) != std::string_view::npos) return Error{Errc::malformed, "two @ in a URI"};
        auto user_end = std::min(all.find(':', from), at_sign);
        has_user_ = true;
        user_ = span(from, user_end);
        if (user_end < at_sign) password_ = span(user_end + 1, at_sign);
        if (user().empty() || !well_escaped(user(), "&=+$,;?/")) return Error{Errc::malformed, "bad user in a URI"};
        if (!well_escaped(password(), "&=+$,")) return Error{Errc::malformed, "bad password in a URI"};
        from = at_sign + 1;
    }
    auto end = std::min(all.find_first_of(";?", from), all.size());
    auto host_end = end;
    const auto bracket = all[std::min(from, all.size() - 1)] == '[' ? all.find(']', from) : std::string_view::npos;
    const auto port_colon = all.find(':', bracket == std::string_view::npos ? from : bracket);
    if (port_colon < end) {
        host_end = port_colon;
        const auto port = parse_number<std::uint16_t>(all.substr(port_colon + 1, end - port_colon - 1));
        if (!port || *port == 0) return Error{Errc::malformed, "bad port in a URI"};
        port_ = *port;
    }
    host_ = span(from, host_end);
    if (!is_host(host())) return Error{Errc::malformed, "bad host in a URI"};
    if (end < all.size() && all[end] == ';') {
        const auto params_end = std::min(all.find('?', end), all.size());
        params_ = span(end + 1, params_end);
        // More than paramchar: signed parameters are base64 with "=".
        if (!well_escaped(params(), "[]/:&+$;=,|^`{}\\#")) return Error{Errc::malformed, "bad parameter in a URI"};
        bool begins = true;  // a parameter
        for (const char c : params()) {
            if (begins && (c == ';' || c == '=')) return Error{Errc::malformed, "empty parameter in a URI"};
            begins = c == ';';
        }
        if (begins) return Error{Errc::malformed, "empty parameter in a URI"};
        end = params_end;
    }
    if (end < all.size()) {
        headers_ = span(end + 1, all.size());
        if (headers().empty() || !well_escaped(headers(), "[]/?:+$&=;,"))
            return Error{Errc::malformed, "bad header in a URI"};
    }
    return {};
}

Uri Uri::sip(std::string_view user, std::string_view host, std::uint16_t port, std::string_view params) {
    std::string text = "sip:";
    if (!user.empty()) text.append(escape_user(user)).append("@");
    text.append(host);
    if (port != 0) text.append(":").append(std::to_string(port));
    auto uri = parse(text.append(params));
    return uri ? *std::move(uri) : Uri{};
}

std::optional<std::string_view> Uri::param(std::string_view name) const {
    if (params().empty()) return {};
    for (const auto part : split(params(), ';')) {
        const auto equals = part.find('=');
        if (!equal_ignoring_case(part.substr(0, equals), name)) continue;
        return equals == std::string_view::npos ? std::string_view{} : part.substr(equals + 1);
    }
    return {};
}

std::string Uri::aor() const {
    if (!is_sip()) return text_;
    std::string out = to_lower(scheme_text());
    out += ':';
    if (has_user_) out.append(canonical(user())).append("@");
    return out + to_lower(host());
}

bool equivalent(const Uri& a, const Uri& b) {
    if (a == b) return true;  // also where a parameter stands twice, which is against the grammar
    if (a.is_sip() != b.is_sip()) return false;
    if (!a.is_sip()) return equal_ignoring_case(a.scheme_text(), b.scheme_text()) && a.text() == b.text();
    if (a.scheme() != b.scheme() || a.has_user() != b.has_user() || a.port() != b.port()) return false;
    if (canonical(a.user()) != canonical(b.user()) || canonical(a.password()) != canonical(b.password())) return false;
    if (!equal_ignoring_case(a.host(), b.host())) return false;
    const auto left = params_of(a.params(), ';');
    const auto right = params_of(b.params(), ';');
    return params_match(left, right) && params_match(right, left) && headers_match(a.headers(), b.headers());
}

std::optional<std::string> unescape(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        if (i + 2 >= text.size() || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0) return {};
        out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
        i += 2;
    }
    return out;
}

std::string escape_user(std::string_view bytes) {
    static constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    for (const char c : bytes) {
        if (is_unreserved(c) || std::string_view("&=+$,;?/").find(c) != std::string_view::npos) {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += '%';
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
    return out;
}

}  // namespace parley::sip
