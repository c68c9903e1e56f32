#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "xmpp/jid.hpp"

namespace parley::im {

// What a user wants of somebody who asks to see the user's presence.
enum class Verdict { allow, block, ask };
std::string_view to_string(Verdict verdict);
std::optional<Verdict> verdict_of(std::string_view word);

// Who has put an entry into the list; for people.
enum class DecidedBy { administrator, native_client, client, blocking_command, privacy_list };
std::string_view to_string(DecidedBy by);

// What a user has decided about a person (user@domain), one resource of a person, or a whole domain. Never ask.
struct PolicyEntry {
    xmpp::Jid who;
    Verdict verdict = Verdict::block;
    DecidedBy by = DecidedBy::administrator;
    TimePoint at{};
    bool operator==(const PolicyEntry&) const = default;
};

// A change of one user's policy; all of it or nothing.
struct PolicyChange {
    std::optional<Verdict> inside, outside;  // the defaults
    std::vector<PolicyEntry> put;
    std::vector<xmpp::Jid> remove;
    bool empty() const { return !inside && !outside && put.empty() && remove.empty(); }
};

// A user's own say: who may see the user, and who may not reach the user. A blocked person reaches nobody and sees the
// user offline. The defaults are about new requests only: whom the user has let in before stays in.
//
// A message asks it twice, and each user that is in memory has one: so it is a table of places in one text, which takes
// some 45 bytes an entry and makes nothing to be looked into.
class UserPolicy {
public:
    // Why somebody is treated as decide() says.
    struct Decision {
        Verdict verdict = Verdict::ask;
        std::optional<PolicyEntry> entry{};  // nothing: a default
    };

    Verdict inside = Verdict::ask;   // people of our own domains
    Verdict outside = Verdict::ask;  // all others

    // What was decided of this person, one resource before all of them, then of its domain. A domain is itself, never
    // its subdomains.
    std::optional<PolicyEntry> find(const xmpp::Jid& who) const;
    std::optional<PolicyEntry> entry(const xmpp::Jid& exactly) const;
    // The answer to a request: a decision wins over the default.
    Decision decide(const xmpp::Jid& who, bool is_inside) const;
    bool blocks(const xmpp::Jid& who) const;

    void put(const PolicyEntry& entry);
    void apply(const PolicyChange& change);
    std::size_t size() const { return size_; }
    // In the order in which people read them: domains before people, then by name.
    std::vector<PolicyEntry> entries() const;
    bool operator==(const UserPolicy& other) const;

private:
    // An address in its parts; `resource` may be empty, and so may `local`.
    struct Key {
        std::string_view local, domain, resource;
        std::uint32_t hash() const;
        bool is(std::string_view text) const;
    };
    struct Place {
        std::uint32_t hash = 0;
        std::uint32_t record = 0;  // where it begins in records_, and one; 0: free
    };
    static Key key_of(const xmpp::Jid& jid) { return {jid.local(), jid.domain(), jid.resource()}; }
    const Place* place_of(const Key& key) const;
    const Place* match(const xmpp::Jid& who) const;  // as find()
    PolicyEntry at(const Place& place) const;
    Verdict verdict_at(const Place& place) const;
    void insert(std::uint32_t hash, std::uint32_t record);
    void grow();
    void remove(const std::vector<xmpp::Jid>& gone);

    std::vector<Place> places_;  // a power of two, or none
    std::string records_;        // of each: time, verdict and author, length, address
    std::size_t size_ = 0;
    std::size_t with_resource_ = 0;  // entries of one resource, which are rare
};

// May this stand in a list: not the user, not the user's own server.
bool may_be_listed(const xmpp::Jid& user, const xmpp::Jid& who);

}  // namespace parley::im
