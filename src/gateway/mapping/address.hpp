#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "sip/uri.hpp"
#include "xmpp/jid.hpp"

// Addresses on the two sides (RFC 7247 5). Pure functions, any thread.
//
// The two directions are inverse: two user parts that a SIP domain tells apart never become one JID, except by letter
// case and by spelling (percent-encoding, Unicode forms), where JIDs do not tell them apart. What would break that is
// refused.
namespace parley::gateway {

// The parts of a SIP URI as they stand on the wire.
struct SipAddress {
    std::string user;  // escaped; empty for a whole domain
    std::string host;  // A-labels
    std::string gr;    // escaped value of the gr parameter; empty when there is none
    bool operator==(const SipAddress&) const = default;
};

// Takes the parts escaped, as sent. The host may be A-labels, U-labels or an IP literal; a final dot is dropped.
// malformed: what no JID can say (bad percent-encoding, no UTF-8, NUL and other controls, space " : < > @, and a
// literal \26, \27 or \2f, which stand for & ' / on the XMPP side).
Result<xmpp::Jid> jid_from_sip(std::string_view user, std::string_view host, std::string_view gr = {});

// The same from a URI. forbidden: sips, which promises TLS on every hop and must not be carried to XMPP (RFC 7247 8).
// malformed: any other scheme than sip. Port, password, headers and all parameters but gr are no part of the address.
Result<xmpp::Jid> jid_from_sip(const sip::Uri& uri);

// The canonical spelling: lower case, as the JID is folded. malformed: a domain that is no host name.
Result<SipAddress> sip_from_jid(const xmpp::Jid& jid);

// User parts are case-sensitive on the SIP side and localparts are folded: the JID is the key, and `kept`, the user
// part last received from that domain, goes on the wire. One that does not lead to this JID is not used.
Result<SipAddress> sip_from_jid(const xmpp::Jid& jid, std::string_view kept);

// The e-mail address of a person whose localpart is "user(mail.example)", as AOL writes those who signed up with one:
// "user@mail.example". "" for any other localpart. The address on both sides stays as it is; this is for people.
std::string mail_address(std::string_view local);

// Rooms have a domain of their own on the XMPP side, which no SIP partner knows. There they are users of the local
// domain beside which they live: room@conference.example.com is sip:room+room@example.com, and back
// (docs/adr/0013-a-room-is-a-user-to-sip.md). Other addresses stay as they are.
using RoomDomains = std::map<std::string, std::string, std::less<>>;  // each with its local domain
xmpp::Jid seen_by_partner(const xmpp::Jid& jid, const RoomDomains& rooms);
xmpp::Jid meant_by_partner(const xmpp::Jid& jid, const RoomDomains& rooms);

// "sip:user@host;gr=resource".
std::string to_uri_text(const SipAddress& address);

}  // namespace parley::gateway
