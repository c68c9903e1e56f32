#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace parley::xmpp {

// RFC 7622: localpart@domainpart/resourcepart. A Jid that exists is valid and already prepared (PRECIS), so comparing
// and hashing are plain byte operations. An empty Jid (default constructed) stands for "none" and has no domain.
class Jid {
public:
    Jid() = default;
    static Result<Jid> parse(std::string_view text);
    // Prepares each part; `local` and `resource` may be empty.
    static Result<Jid> make(std::string_view local, std::string_view domain, std::string_view resource = {});

    const std::string& local() const { return local_; }        // empty in a domain JID
    const std::string& domain() const { return domain_; }      // IDNA2008 U-labels, lower case, no trailing dot
    const std::string& resource() const { return resource_; }  // empty in a bare JID
    bool empty() const { return domain_.empty(); }
    bool is_bare() const { return resource_.empty(); }
    bool is_domain() const { return local_.empty() && resource_.empty() && !domain_.empty(); }
    Jid bare() const { return Jid{local_, domain_, {}}; }
    Jid domain_jid() const { return Jid{{}, domain_, {}}; }
    Result<Jid> with_resource(std::string_view resource) const;
    bool same_bare(const Jid& other) const { return local_ == other.local_ && domain_ == other.domain_; }
    std::string to_string() const;
    friend auto operator<=>(const Jid&, const Jid&) = default;

private:
    Jid(std::string local, std::string domain, std::string resource)
        : local_(std::move(local)), domain_(std::move(domain)), resource_(std::move(resource)) {}
    std::string local_, domain_, resource_;
};

}  // namespace parley::xmpp

template <>
struct std::hash<parley::xmpp::Jid> {
    std::size_t operator()(const parley::xmpp::Jid& jid) const noexcept {
        const std::hash<std::string_view> of;
        return of(jid.local()) * 31 + of(jid.domain()) * 17 + of(jid.resource());
    }
};
