#pragma once

#include <string_view>

// Namespaces, by the short name that the field uses.
namespace parley::xmpp::ns {

inline constexpr std::string_view client = "jabber:client";
inline constexpr std::string_view server = "jabber:server";
inline constexpr std::string_view stream = "http://etherx.jabber.org/streams";
inline constexpr std::string_view xml = "http://www.w3.org/XML/1998/namespace";
inline constexpr std::string_view streams = "urn:ietf:params:xml:ns:xmpp-streams";  // stream error conditions
inline constexpr std::string_view stanzas = "urn:ietf:params:xml:ns:xmpp-stanzas";  // stanza error conditions
inline constexpr std::string_view tls = "urn:ietf:params:xml:ns:xmpp-tls";
inline constexpr std::string_view sasl = "urn:ietf:params:xml:ns:xmpp-sasl";
inline constexpr std::string_view sasl_cb = "urn:xmpp:sasl-cb:0";  // XEP-0440
inline constexpr std::string_view bind = "urn:ietf:params:xml:ns:xmpp-bind";
inline constexpr std::string_view session = "urn:ietf:params:xml:ns:xmpp-session";
inline constexpr std::string_view roster = "jabber:iq:roster";
inline constexpr std::string_view rosterver = "urn:xmpp:features:rosterver";
inline constexpr std::string_view preapproval = "urn:xmpp:features:pre-approval";
inline constexpr std::string_view sm = "urn:xmpp:sm:3";                                  // XEP-0198
inline constexpr std::string_view ping = "urn:xmpp:ping";                                // XEP-0199
inline constexpr std::string_view delay = "urn:xmpp:delay";                              // XEP-0203
inline constexpr std::string_view time = "urn:xmpp:time";                                // XEP-0202
inline constexpr std::string_view version = "jabber:iq:version";                         // XEP-0092
inline constexpr std::string_view last = "jabber:iq:last";                               // XEP-0012
inline constexpr std::string_view disco_info = "http://jabber.org/protocol/disco#info";  // XEP-0030
inline constexpr std::string_view disco_items = "http://jabber.org/protocol/disco#items";
inline constexpr std::string_view caps = "http://jabber.org/protocol/caps";               // XEP-0115
inline constexpr std::string_view vcard = "vcard-temp";                                   // XEP-0054
inline constexpr std::string_view vcard_update = "vcard-temp:x:update";                   // XEP-0153
inline constexpr std::string_view carbons = "urn:xmpp:carbons:2";                         // XEP-0280
inline constexpr std::string_view forward = "urn:xmpp:forward:0";                         // XEP-0297
inline constexpr std::string_view stanza_id = "urn:xmpp:sid:0";                           // XEP-0359
inline constexpr std::string_view hints = "urn:xmpp:hints";                               // XEP-0334
inline constexpr std::string_view chat_states = "http://jabber.org/protocol/chatstates";  // XEP-0085
inline constexpr std::string_view receipts = "urn:xmpp:receipts";                         // XEP-0184
inline constexpr std::string_view blocking = "urn:xmpp:blocking";                         // XEP-0191
inline constexpr std::string_view blocking_errors = "urn:xmpp:blocking:errors";
inline constexpr std::string_view privacy = "jabber:iq:privacy";        // XEP-0016
inline constexpr std::string_view dialback = "jabber:server:dialback";  // XEP-0220
inline constexpr std::string_view dialback_feature = "urn:xmpp:features:dialback";
inline constexpr std::string_view muc = "http://jabber.org/protocol/muc";  // XEP-0045
inline constexpr std::string_view muc_user = "http://jabber.org/protocol/muc#user";
inline constexpr std::string_view muc_admin = "http://jabber.org/protocol/muc#admin";
inline constexpr std::string_view muc_owner = "http://jabber.org/protocol/muc#owner";
inline constexpr std::string_view conference = "jabber:x:conference";                // XEP-0249
inline constexpr std::string_view xhtml_im = "http://jabber.org/protocol/xhtml-im";  // XEP-0071
inline constexpr std::string_view xhtml = "http://www.w3.org/1999/xhtml";
inline constexpr std::string_view data_form = "jabber:x:data";  // XEP-0004
inline constexpr std::string_view idle = "urn:xmpp:idle:1";     // XEP-0319
inline constexpr std::string_view native_presence = "urn:parley:presence:0";
inline constexpr std::string_view federation = "urn:parley:federation:0";
inline constexpr std::string_view native = "urn:parley:native:0";
inline constexpr std::string_view policy = "urn:parley:policy:0";

}  // namespace parley::xmpp::ns
