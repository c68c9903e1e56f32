#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "gateway/profile.hpp"
#include "sip/message.hpp"
#include "xmpp/stanza.hpp"

// Instant messages between MESSAGE and <message/>: RFC 7572 (pager mode), RFC 7573 (session mode). Pure functions, any
// thread.
namespace parley::gateway {

inline constexpr std::size_t pager_limit = 1300;  // RFC 3428 8: bytes of a MESSAGE outside of a session

// RFC 3994's words. In the other dialect: "type" and "idle".
enum class Typing { active, idle };

// ---- XMPP to SIP ----

struct SipText {
    std::string content_type = "text/plain;charset=UTF-8";
    std::string body;
    std::string subject;   // one line; empty: no Subject
    std::string language;  // for Content-Language; empty: none
    std::string thread;    // what RFC 7572 would make the Call-ID; the caller decides
    bool operator==(const SipText&) const = default;
};
struct EndSession {};  // chat state gone: BYE
struct Nothing {};     // nothing for a SIP peer: receipts, markers, chat states in pager mode, ...

// What becomes of a message of our user. A StanzaError goes back to the sender: the message cannot be sent as it is.
using ToSip = std::variant<SipText, Typing, EndSession, Nothing, xmpp::StanzaError>;
ToSip to_sip(const xmpp::Stanza& message, const Profile& profile);

// ---- SIP to XMPP ----

struct XmppText {
    std::string text;  // may be empty: then there is nothing to deliver
    std::string subject;
    std::string lang;
    std::string html{};  // the same as HTML, as the partner has it; empty: there is none
    bool operator==(const XmppText&) const = default;
};
// What to answer instead of 200. 415 goes with "Accept: " and accepted_types().
struct SipRefusal {
    int status;
    bool operator==(const SipRefusal&) const = default;
};
using FromSip = std::variant<XmppText, SipRefusal>;

// The text of a MESSAGE: text/plain, text/html, message/cpim with one of them (RFC 3862), or multipart/alternative with
// one of them. `in_dialog`: inside an IM session, where the profile's limit holds instead of 1300 bytes. Typing and
// other bodies are not for this function: 415.
FromSip from_sip(const sip::Message& request, const Profile& profile, bool in_dialog);

// A text of the given media type. What the function above does, without the message.
FromSip text_of_body(std::string_view content_type, std::string_view body, std::size_t limit);

// The first message that rides in an INVITE: ms-text-format, or ms-im-format. COMPAT(OCS, Lync): the peer sends it
// again as a MESSAGE unless our answer says that it was taken, so it is read only when the INVITE is refused or never
// followed.
FromSip from_ms_text_format(std::string_view header_value, const Profile& profile);

std::string_view accepted_types();  // for Accept and a=accept-types, separated by a space

// <message/> with body, subject and thread. `session`: type chat, and says that chat states are understood (XEP-0085).
// Otherwise no type, as RFC 7572 has it. From, to and id are the caller's.
// `rich`: the addressee's client can show XHTML-IM, which then stands beside the plain text.
xmpp::Stanza to_stanza(const XmppText& text, bool session, std::string_view thread = {}, bool rich = false);

// <composing/>, and what ends it: RFC 7573 has <active/>; the keyboard dialect means <paused/>.
xmpp::Stanza typing_stanza(Typing typing, TypingDialect dialect);
xmpp::Stanza gone_stanza();  // the peer's BYE

}  // namespace parley::gateway
