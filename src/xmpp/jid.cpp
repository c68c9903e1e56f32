#include "xmpp/jid.hpp"

#include "xmpp/precis.hpp"

namespace parley::xmpp {

// RFC 7622 3.1: the resourcepart begins at the first '/'; the localpart ends at the first '@' before it.
Result<Jid> Jid::parse(std::string_view text) {
    std::string_view local, resource;
    auto rest = text;
    const auto slash = rest.find('/');
    if (slash != std::string_view::npos) {
        resource = rest.substr(slash + 1);
        rest = rest.substr(0, slash);
        if (resource.empty()) return Error{Errc::malformed, "an address has an empty resource"};
    }
    const auto at = rest.find('@');
    if (at != std::string_view::npos) {
        local = rest.substr(0, at);
        rest = rest.substr(at + 1);
        if (local.empty()) return Error{Errc::malformed, "an address has an empty local part"};
    }
    return make(local, rest, resource);
}

Result<Jid> Jid::make(std::string_view local, std::string_view domain, std::string_view resource) {
    Jid jid;
    auto prepared = prepare_domainpart(domain);
    if (!prepared) return prepared.error();
    jid.domain_ = *std::move(prepared);
    if (!local.empty()) {
        prepared = prepare_localpart(local);
        if (!prepared) return prepared.error();
        jid.local_ = *std::move(prepared);
    }
    if (!resource.empty()) {
        prepared = prepare_resourcepart(resource);
        if (!prepared) return prepared.error();
        jid.resource_ = *std::move(prepared);
    }
    return jid;
}

Result<Jid> Jid::with_resource(std::string_view resource) const {
    if (resource.empty()) return bare();
    auto prepared = prepare_resourcepart(resource);
    if (!prepared) return prepared.error();
    return Jid{local_, domain_, *std::move(prepared)};
}

std::string Jid::to_string() const {
    std::string out;
    out.reserve(local_.size() + domain_.size() + resource_.size() + 2);
    if (!local_.empty()) {
        out += local_;
        out += '@';
    }
    out += domain_;
    if (!resource_.empty()) {
        out += '/';
        out += resource_;
    }
    return out;
}

}  // namespace parley::xmpp
