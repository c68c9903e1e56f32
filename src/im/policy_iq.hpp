#pragma once

#include <variant>
#include <vector>

#include "im/user_policy.hpp"
#include "xml/element.hpp"
#include "xmpp/stanza_error.hpp"

// The faces that a user's policy has for clients: the blocking command (XEP-0191), privacy lists (XEP-0016) and our own
// <policy xmlns='urn:parley:policy:0'/> (docs/policy.md). All read and write the same entries.
namespace parley::im {

using PolicyRequest = std::variant<PolicyChange, xmpp::StanzaError>;

// Who asks, and by which face.
struct PolicyAuthor {
    xmpp::Jid user;
    DecidedBy by = DecidedBy::client;
    TimePoint now{};
};

// Not more than `limit` entries when all is done: resource-constraint.
bool has_room(const UserPolicy& policy, const PolicyChange& change, std::size_t limit);

// ---- XEP-0191
struct BlockListChange {
    std::vector<xmpp::Jid> blocked, unblocked;
};
xml::Element encode_block_list(const UserPolicy& policy);
xml::Element encode_block(const std::vector<xmpp::Jid>& who);
xml::Element encode_unblock(const std::vector<xmpp::Jid>& who);
PolicyRequest decode_block(const xml::Element& block, const PolicyAuthor& author);
PolicyRequest decode_unblock(const xml::Element& unblock, const UserPolicy& policy);  // empty: all that is blocked

// ---- XEP-0016. There is one list, which always applies. What our entries cannot say (groups, subscription states,
// single kinds of stanzas, "nobody else") is refused with feature-not-implemented and changes nothing.
inline constexpr std::string_view privacy_list_name = "policy";
std::variant<xml::Element, xmpp::StanzaError> answer_privacy_get(const xml::Element& query, const UserPolicy& policy);
PolicyRequest decode_privacy_set(const xml::Element& query, const UserPolicy& policy, const PolicyAuthor& author);
xml::Element encode_privacy_push();

// ---- urn:parley:policy:0
xml::Element encode_policy(const UserPolicy& policy);
xml::Element encode_policy_change(const PolicyChange& change);
PolicyRequest decode_policy_set(const xml::Element& element, const PolicyAuthor& author);

}  // namespace parley::im
