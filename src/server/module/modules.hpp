#pragma once

#include <span>
#include <string_view>

#include "xml/element.hpp"
#include "xmpp/payload/disco.hpp"
#include "xmpp/stanza.hpp"

namespace parley::server {

class Session;
class Shard;
class User;

// An IQ request that the server answers. `user` is the account asked (nullptr: the server itself); `own` is the session
// that asks, when it asks its own account.
struct IqRequest {
    Shard& shard;
    const xmpp::Stanza& stanza;
    User* user = nullptr;
    Session* own = nullptr;

    const xml::Element& payload() const { return *stanza.payload(); }
    void answer(xml::Element result) const;
    void answer() const;  // an empty result
    void refuse(std::string_view condition, std::string_view text = {}) const;
};

// Who may be asked.
enum class Asked { server, account, own_account };

// One kind of request: a row of modules.cpp. One file a XEP.
struct IqModule {
    Asked asked;
    std::string_view type;  // "get" or "set"
    xml::Name payload;
    void (*handle)(const IqRequest&);
};

std::span<const std::string_view> server_features();  // XEP-0030
std::span<const std::string_view> account_features();
const xmpp::Caps& server_caps();  // XEP-0115 6.3, for the stream's features

// RFC 6121 8.4, 8.5.2.1.3: what has no row is answered <service-unavailable/>.
void answer_for_own_user(Shard& shard, Session& session, const xmpp::Stanza& stanza);
void answer_for_user(Shard& shard, User& user, const xmpp::Stanza& stanza);
void answer_for_server(Shard& shard, const xmpp::Stanza& stanza);

// The handlers, each in its own file.
void ping(const IqRequest& request);         // XEP-0199
void version(const IqRequest& request);      // XEP-0092
void entity_time(const IqRequest& request);  // XEP-0202
void disco(const IqRequest& request);        // XEP-0030, info and items
void roster_get(const IqRequest& request);   // RFC 6121 2
void roster_set(const IqRequest& request);
void vcard_get(const IqRequest& request);  // XEP-0054
void vcard_set(const IqRequest& request);
void block_list(const IqRequest& request);  // XEP-0191
void block(const IqRequest& request);
void unblock(const IqRequest& request);
void privacy_get(const IqRequest& request);  // XEP-0016
void privacy_set(const IqRequest& request);
void policy_get(const IqRequest& request);  // urn:parley:policy:0
void policy_set(const IqRequest& request);
void carbons_enable(const IqRequest& request);  // XEP-0280
void carbons_disable(const IqRequest& request);
void legacy_session(const IqRequest& request);  // RFC 3921 3, a no-op that old clients still send

}  // namespace parley::server
