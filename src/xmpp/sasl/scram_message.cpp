#include "xmpp/sasl/scram_message.hpp"

#include <optional>

#include "base/text.hpp"

namespace parley::xmpp {
namespace {

Error malformed(std::string detail) {
    return {Errc::malformed, std::move(detail)};
}

// Cuts the part up to the next comma off the front of `rest`.
std::optional<std::string_view> take_field(std::string_view& rest) {
    const auto comma = rest.find(',');
    if (comma == std::string_view::npos) return std::nullopt;
    const auto field = rest.substr(0, comma);
    rest.remove_prefix(comma + 1);
    return field;
}

// saslname: "=2C" is a comma and "=3D" an equals sign; any other "=" must fail (RFC 5802 5.1).
std::optional<std::string> unescape(std::string_view name) {
    std::string out;
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (name[i] != '=') {
            out.push_back(name[i]);
            continue;
        }
        const auto code = name.substr(i + 1, 2);
        if (code == "2C")
            out.push_back(',');
        else if (code == "3D")
            out.push_back('=');
        else
            return std::nullopt;
        i += 2;
    }
    return out;
}

}  // namespace

Result<ScramClientFirst> parse_scram_client_first(std::string_view message) {
    if (!is_utf8(message) || message.find('\0') != std::string_view::npos) return malformed("not UTF-8 text");
    const auto binding = take_field(message);
    const auto authzid = take_field(message);
    const auto username = take_field(message);  // a nonce must follow, so there is a comma
    if (!binding || !authzid || !username) return malformed("a client-first-message has a GS2 header, n= and r=");
    if (*binding != "n" && *binding != "y" && !(binding->starts_with("p=") && binding->size() > 2))
        return malformed("channel binding flag");
    if (!username->starts_with("n=") || !message.starts_with("r=")) return malformed("n= and r= in this order");

    ScramClientFirst first;
    if (!authzid->empty()) {
        const auto name = authzid->starts_with("a=") ? unescape(authzid->substr(2)) : std::nullopt;
        if (!name || name->empty()) return malformed("authorization identity");
        first.authzid = *name;
    }
    const auto name = unescape(username->substr(2));
    if (!name || name->empty()) return malformed("user name");
    first.username = *name;
    return first;
}

Result<PlainMessage> parse_plain(std::string_view message) {
    if (!is_utf8(message)) return malformed("not UTF-8");
    const auto parts = split(message, '\0');
    if (parts.size() != 3 || parts[1].empty() || parts[2].empty())
        return malformed("not [authzid] NUL authcid NUL passwd");
    return PlainMessage{std::string(parts[0]), std::string(parts[1]), std::string(parts[2])};
}

}  // namespace parley::xmpp
