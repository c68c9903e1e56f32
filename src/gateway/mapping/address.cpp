#include "gateway/mapping/address.hpp"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>
#include <vector>

#include <idn2.h>

#include "base/hash.hpp"
#include "base/text.hpp"
#include "im/room/user_name.hpp"

namespace parley::gateway {
namespace {

constexpr std::size_t part_limit = 3 * 1023;  // a JID's part, each byte escaped

// XEP-0106, as far as RFC 7247 5 uses it: what a SIP user part may hold and a localpart may not.
struct Escape {
    char plain;
    std::string_view escaped;
};
constexpr Escape escapes[]{{'&', "\\26"}, {'\'', "\\27"}, {'/', "\\2f"}};

// Whether the bytes at `text` are one of the three, in any case: folding would make \2F one of them.
const Escape* escape_at(std::string_view text) {
    for (const auto& escape : escapes)
        if (equal_ignoring_case(text.substr(0, 3), escape.escaped)) return &escape;
    return nullptr;
}

std::size_t count_escapes(std::string_view local) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < local.size(); ++i)
        if (local[i] == '\\' && escape_at(local.substr(i))) ++count;
    return count;
}

Error refused(const char* why) {
    return Error{Errc::malformed, std::string("SIP address: ") + why};
}

Result<std::string> decoded(std::string_view text) {
    if (text.size() > part_limit) return Error{Errc::too_long, "SIP address: too long"};
    auto bytes = sip::unescape(text);
    if (!bytes) return refused("bad percent-encoding");
    if (!is_utf8(*bytes)) return refused("not UTF-8");
    for (const char c : *bytes)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return refused("a control character");
    return *std::move(bytes);
}

Result<std::string> localpart_from(std::string_view user) {
    const auto bytes = decoded(user);
    if (!bytes) return bytes.error();
    std::string local;
    for (std::size_t i = 0; i < bytes->size(); ++i) {
        const char c = (*bytes)[i];
        if (c == '\\' && escape_at(std::string_view(*bytes).substr(i))) return refused("a literal escape of XEP-0106");
        const Escape* escape = nullptr;
        for (const auto& e : escapes)
            if (e.plain == c) escape = &e;
        if (escape)
            local += escape->escaped;
        else
            local += c;
    }
    return local;
}

// RFC 3261 25.1   paramchar = param-unreserved / unreserved / escaped. What a user part may hold beyond it is escaped
// here.
std::string escape_param(std::string_view text) {
    constexpr std::string_view unescaped = "[]:";  // beyond those that are unescaped in a user part
    constexpr std::string_view escaped = "=,;?";   // and the reverse
    std::string out;
    for (const char& c : text) {
        if (unescaped.find(c) != std::string_view::npos)
            out += c;
        else if (escaped.find(c) != std::string_view::npos)
            out += '%' + hex_encode({&c, 1});
        else
            out += sip::escape_user({&c, 1});
    }
    return out;
}

std::string unescaped(std::string_view local) {
    std::string plain;
    for (std::size_t i = 0; i < local.size(); ++i) {
        const auto* escape = local[i] == '\\' ? escape_at(local.substr(i)) : nullptr;
        plain += escape ? escape->plain : local[i];
        if (escape) i += 2;
    }
    return plain;
}

Result<std::string> to_a_labels(const std::string& domain) {
    const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
    bool ascii = true;
    for (const char c : domain) ascii = ascii && is_ascii(c);
    if (ascii) return domain;
    char* out = nullptr;
    const int code = idn2_to_ascii_8z(domain.c_str(), &out, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
    const std::unique_ptr<char, decltype(&std::free)> owner(out, &std::free);
    if (code != IDN2_OK) return refused(idn2_strerror(code));
    return std::string(out);
}

// Each message asks for the same few addresses several times, and preparing one costs more than all else that is done
// with it. A place in the table is taken by whoever came last, so that it stays as small as it is.
class Prepared {
public:
    const xmpp::Jid* find(std::string_view user, std::string_view host) {
        const auto& place = place_of(user, host);
        return place.user == user && place.host == host && !place.host.empty() ? &place.jid : nullptr;
    }
    void keep(std::string_view user, std::string_view host, const xmpp::Jid& jid) {
        if (user.size() + host.size() > longest) return;
        place_of(user, host) = {std::string(user), std::string(host), jid};
    }

private:
    static constexpr std::size_t places = 1024, longest = 128;
    struct Place {
        std::string user, host;
        xmpp::Jid jid;
    };
    Place& place_of(std::string_view user, std::string_view host) {
        if (table_.empty()) table_.resize(places);
        return table_[(xxh64(user) * 31 + xxh64(host)) % places];
    }
    std::vector<Place> table_;
};
thread_local Prepared prepared;

Result<xmpp::Jid> prepare(std::string_view user, std::string_view host, std::string_view gr) {
    auto local = localpart_from(user);
    if (!local) return local.error();
    auto resource = decoded(gr);
    if (!resource) return resource.error();
    if (host.empty() || host.size() > 255 || host.find('%') != std::string_view::npos) return refused("bad host");
    auto jid = xmpp::Jid::make(*local, host, *resource);
    // Preparation maps a full-width backslash to a plain one, which would make an escape where the SIP side has none.
    if (jid && count_escapes(jid->local()) != count_escapes(*local)) return refused("a literal escape of XEP-0106");
    return jid;
}

}  // namespace

Result<xmpp::Jid> jid_from_sip(std::string_view user, std::string_view host, std::string_view gr) {
    if (!gr.empty()) return prepare(user, host, gr);
    if (const auto* known = prepared.find(user, host)) return *known;
    auto jid = prepare(user, host, gr);
    if (jid) prepared.keep(user, host, *jid);
    return jid;
}

Result<xmpp::Jid> jid_from_sip(const sip::Uri& uri) {
    if (uri.empty()) return refused("no URI");
    if (uri.scheme() == sip::Uri::Scheme::sips)
        return Error{Errc::forbidden, "a sips address cannot be carried to XMPP"};
    if (uri.scheme() != sip::Uri::Scheme::sip) return refused("not a sip URI");
    if (uri.has_user() && uri.user().empty()) return refused("an empty user part");
    return jid_from_sip(uri.user(), uri.host(), uri.param("gr").value_or(std::string_view()));
}

Result<SipAddress> sip_from_jid(const xmpp::Jid& jid) {
    if (jid.empty()) return refused("no JID");
    auto host = to_a_labels(jid.domain());
    if (!host) return host.error();
    // JIDs may have domains that are no host names: too long, or starting with a hyphen.
    if (const auto uri = sip::Uri::parse("sip:" + *host); !uri) return uri.error();
    return SipAddress{sip::escape_user(unescaped(jid.local())), *std::move(host), escape_param(jid.resource())};
}

Result<SipAddress> sip_from_jid(const xmpp::Jid& jid, std::string_view kept) {
    auto address = sip_from_jid(jid);
    if (!address || kept.empty()) return address;
    // Only what may stand in a user part: `kept` comes from a store and goes into a header.
    for (const char c : kept)
        if (c != '%' && sip::escape_user({&c, 1}).size() != 1) return address;
    const auto there = jid_from_sip(kept, jid.domain());
    if (there && there->same_bare(jid)) address->user = kept;
    return address;
}

std::string mail_address(std::string_view local) {
    const auto open = local.find('(');
    if (open == 0 || open == std::string_view::npos || !local.ends_with(')')) return {};
    const auto domain = local.substr(open + 1, local.size() - open - 2);
    const auto is_host = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
               static_cast<unsigned char>(c) >= 0x80;
    };
    const auto dot = domain.find('.');
    if (dot == 0 || dot == std::string_view::npos || domain.ends_with('.') ||
        !std::all_of(domain.begin(), domain.end(), is_host))
        return {};
    return unescaped(local.substr(0, open)) + '@' + std::string(domain);
}

xmpp::Jid seen_by_partner(const xmpp::Jid& jid, const RoomDomains& rooms) {
    const auto found = rooms.find(jid.domain());
    if (found == rooms.end() || jid.local().empty()) return jid;
    auto there = xmpp::Jid::make(std::string(im::room_user_prefix) + jid.local(), found->second, jid.resource());
    return there ? *std::move(there) : xmpp::Jid{};
}

xmpp::Jid meant_by_partner(const xmpp::Jid& jid, const RoomDomains& rooms) {
    if (!jid.local().starts_with(im::room_user_prefix) || jid.local().size() == im::room_user_prefix.size()) return jid;
    for (const auto& [room_domain, domain] : rooms) {
        if (domain != jid.domain()) continue;
        auto here = xmpp::Jid::make(jid.local().substr(im::room_user_prefix.size()), room_domain, jid.resource());
        return here ? *std::move(here) : jid;
    }
    return jid;
}

std::string to_uri_text(const SipAddress& address) {
    std::string text = "sip:" + address.user + (address.user.empty() ? "" : "@") + address.host;
    if (!address.gr.empty()) text += ";gr=" + address.gr;
    return text;
}

}  // namespace parley::gateway
