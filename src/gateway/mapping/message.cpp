#include "gateway/mapping/message.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.hpp"
#include "gateway/mapping/html_text.hpp"
#include "gateway/mapping/html_xhtml.hpp"
#include "gateway/mapping/text.hpp"
#include "sip/header/content_type.hpp"
#include "xmpp/ns.hpp"

namespace parley::gateway {
namespace {

namespace ns = xmpp::ns;

constexpr std::size_t subject_limit = 256;
constexpr std::size_t parts_limit = 16;         // of a multipart body
constexpr std::size_t part_headers_limit = 32;  // of one part, or of a CPIM message
constexpr SipRefusal bad_request{400}, unsupported{415}, too_large{513};

// ---- XMPP to SIP ----

bool is_language(std::string_view tag) {  // RFC 5646, roughly: it goes into a header
    return !tag.empty() && tag.size() <= 35 && std::all_of(tag.begin(), tag.end(), [](char c) {
        return (to_lower(c) >= 'a' && to_lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
}

std::string one_line(std::string_view text) {
    std::string line(clip(trim(text), subject_limit));
    for (auto& c : line)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    return line;
}

// Of several bodies the one in the stanza's language, or without a language, or the first.
const xml::Element* best_body(const xmpp::Stanza& message) {
    const xml::Element* best = nullptr;
    for (const auto& child : message.children) {
        if (!child.is(ns::client, "body") || child.text().empty()) continue;
        const auto lang = child.attribute("lang", ns::xml);
        if (lang.empty() || lang == message.lang) return &child;
        if (!best) best = &child;
    }
    return best;
}

bool is_group_invitation(const xmpp::Stanza& message) {
    if (message.child("jabber:x:conference", "x")) return true;
    const auto* muc = message.child("http://jabber.org/protocol/muc#user", "x");
    return muc && muc->child("http://jabber.org/protocol/muc#user", "invite");
}

bool is_encrypted(const xmpp::Stanza& message) {
    return std::any_of(message.children.begin(), message.children.end(), [](const xml::Element& child) {
        return child.name() == "encrypted" || child.is("jabber:x:encrypted", "x") ||
               child.is("urn:xmpp:openpgp:0", "openpgp");
    });
}

ToSip chat_state(const xmpp::Stanza& message) {
    for (const auto& child : message.children) {
        if (child.ns() != ns::chat_states) continue;
        if (child.name() == "composing") return Typing::active;
        if (child.name() == "gone") return EndSession{};
        return Typing::idle;  // active, inactive, paused
    }
    return Nothing{};
}

// ---- SIP to XMPP ----

std::optional<std::string> to_utf8(std::string_view bytes, std::string_view charset) {
    for (const std::string_view same : {"", "utf-8", "utf8", "us-ascii", "ascii"})
        if (equal_ignoring_case(charset, same)) return std::string(bytes);
    if (!equal_ignoring_case(charset, "iso-8859-1") && !equal_ignoring_case(charset, "latin1")) return std::nullopt;
    std::string out;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80) {
            out += c;
        } else {
            out += static_cast<char>(0xc0 | byte >> 6);
            out += static_cast<char>(0x80 | (byte & 63));
        }
    }
    return out;
}

FromSip plain_or_html(const sip::ContentType& type, std::string_view body) {
    if (!type.is("text/plain") && !type.is("text/html")) return unsupported;
    const auto text = to_utf8(body, type.params.unquoted("charset"));
    if (!text) return unsupported;
    if (!type.is("text/html")) return XmppText{to_xml_text(*text), {}, {}, {}};
    return XmppText{to_xml_text(html_to_text(*text)), {}, {}, *text};
}

std::string_view take_line(std::string_view& text) {
    const auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

struct PartHeaders {
    std::string_view content_type, transfer_encoding, subject;
};

// Lines up to and with the empty one. Nothing if there are too many, or no empty line at all.
std::optional<PartHeaders> take_headers(std::string_view& text) {
    PartHeaders headers;
    for (std::size_t count = 0; count <= part_headers_limit; ++count) {
        if (text.empty()) return std::nullopt;
        const auto line = take_line(text);
        if (line.empty()) return headers;
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) continue;  // a folded line: of no header that we read
        const auto name = trim(line.substr(0, colon));
        const auto value = trim(line.substr(colon + 1));
        if (equal_ignoring_case(name, "Content-Type")) headers.content_type = value;
        if (equal_ignoring_case(name, "Content-Transfer-Encoding")) headers.transfer_encoding = value;
        if (equal_ignoring_case(name, "Subject")) headers.subject = value;
    }
    return std::nullopt;
}

FromSip leaf(const PartHeaders& headers, std::string_view body) {
    const auto type = sip::parse_content_type(headers.content_type.empty() ? "text/plain" : headers.content_type);
    if (!type) return bad_request;
    const auto& coding = headers.transfer_encoding;
    if (equal_ignoring_case(coding, "base64")) {
        std::string digits(body);
        std::erase_if(digits, [](char c) { return c == '\r' || c == '\n' || c == ' ' || c == '\t'; });
        const auto bytes = base64_decode(digits);
        return bytes ? plain_or_html(*type, *bytes) : FromSip(bad_request);
    }
    for (const std::string_view known : {"", "7bit", "8bit", "binary"})
        if (equal_ignoring_case(coding, known)) return plain_or_html(*type, body);
    return unsupported;
}

// RFC 3862: message headers, empty line, MIME headers, empty line, content. Who it says it is from is not looked at:
// the SIP request says that, and its domain was checked.
FromSip unwrap_cpim(std::string_view body) {
    const auto message = take_headers(body);
    if (!message) return bad_request;
    const auto mime = take_headers(body);
    if (!mime) return bad_request;
    auto text = leaf(*mime, body);
    if (auto* found = std::get_if<XmppText>(&text)) found->subject = to_xml_text(one_line(message->subject));
    return text;
}

// RFC 2046 5.1.4: the last part that we can read is the best, but plain text is what everybody can show.
FromSip alternative(const sip::ContentType& type, std::string_view body) {
    const auto boundary = type.params.unquoted("boundary");
    if (boundary.empty() || boundary.size() > 70) return bad_request;
    const auto delimiter = "--" + boundary;
    std::optional<XmppText> plain, html;
    const auto best = [&]() -> FromSip {
        if (!plain && !html) return unsupported;
        auto text = plain ? *plain : *html;
        if (html) text.html = html->html;
        return text;
    };
    auto at = body.starts_with(delimiter) ? 0 : body.find("\n" + delimiter);
    for (std::size_t count = 0; count < parts_limit && at != std::string_view::npos; ++count) {
        body.remove_prefix(at);
        if (body.starts_with('\n')) body.remove_prefix(1);
        body.remove_prefix(delimiter.size());
        if (body.starts_with("--")) return best();
        take_line(body);
        at = body.find("\n" + delimiter);
        auto part = body.substr(0, at);
        if (part.ends_with('\r')) part.remove_suffix(1);
        const auto headers = take_headers(part);
        if (!headers) continue;
        auto text = leaf(*headers, part);
        if (!std::holds_alternative<XmppText>(text)) continue;
        auto& found = std::get<XmppText>(text);
        auto& kept = found.html.empty() ? plain : html;
        if (!kept) kept = std::move(found);
    }
    return best();
}

xmpp::Stanza message_stanza(std::string_view type) {
    xmpp::Stanza stanza;
    stanza.kind = xmpp::Stanza::Kind::message;
    stanza.type = type;
    return stanza;
}

}  // namespace

ToSip to_sip(const xmpp::Stanza& message, const Profile& profile) {
    if (message.is_error()) return Nothing{};
    if (message.type == "groupchat" || is_group_invitation(message))
        return xmpp::stanza_error("not-acceptable",
                                  "A conversation of three or more is not possible with this partner.");

    SipText text;
    const auto* body = best_body(message);
    if (body) {
        text.body = body->text();
        // XEP-0308: the peer cannot replace what it has shown, so the new text comes as one more message, with a sign.
        if (message.child("urn:xmpp:message-correct:0", "replace")) text.body.insert(0, "* ");
    } else if (const auto* oob = message.child("jabber:x:oob", "x")) {  // XEP-0066: an attachment is its address
        if (const auto* url = oob->child("jabber:x:oob", "url")) text.body = trim(url->text());
    }
    if (text.body.empty()) {
        if (is_encrypted(message))
            return xmpp::stanza_error("not-acceptable", "This partner cannot read encrypted messages.");
        return chat_state(message);
    }

    const auto limit = profile.im == ImDialect::pager ? pager_limit : profile.message_body;
    if (text.body.size() > limit)
        return xmpp::stanza_error("policy-violation", "The message is longer than the " + std::to_string(limit) +
                                                          " bytes that this partner takes.");
    text.subject = one_line(message.text_of("subject"));
    text.thread = message.text_of("thread");
    const auto lang = body ? body->attribute("lang", ns::xml) : std::string_view();
    if (is_language(lang))
        text.language = lang;
    else if (is_language(message.lang))
        text.language = message.lang;
    return text;
}

FromSip from_sip(const sip::Message& request, const Profile& profile, bool in_dialog) {
    const auto encoding = trim(request.header(sip::HeaderId::content_encoding));
    if (!encoding.empty() && !equal_ignoring_case(encoding, "identity")) return unsupported;
    auto result = text_of_body(request.header(sip::HeaderId::content_type), request.body(),
                               in_dialog ? profile.message_body : pager_limit);
    if (auto* text = std::get_if<XmppText>(&result)) {
        if (text->subject.empty()) text->subject = to_xml_text(one_line(request.header(sip::HeaderId::subject)));
        const auto language = trim(split(request.header("Content-Language"), ',').front());
        if (is_language(language)) text->lang = language;
    }
    return result;
}

FromSip text_of_body(std::string_view content_type, std::string_view body, std::size_t limit) {
    if (body.size() > limit) return too_large;
    if (body.empty()) return XmppText{};
    const auto type = sip::parse_content_type(trim(content_type).empty() ? "text/plain" : content_type);
    if (!type) return bad_request;
    if (type->is("message/cpim")) return unwrap_cpim(body);
    if (type->is("multipart/alternative")) return alternative(*type, body);
    return plain_or_html(*type, body);
}

FromSip from_ms_text_format(std::string_view header_value, const Profile& profile) {
    const auto type = sip::parse_content_type(header_value);
    if (!type) return bad_request;
    const auto digits = type->params.unquoted("ms-body");
    if (digits.size() > profile.message_body * 4 / 3 + 4) return too_large;
    const auto body = base64_decode(digits);
    if (!body) return bad_request;
    return plain_or_html(*type, *body);
}

std::string_view accepted_types() {
    return "text/plain text/html multipart/alternative message/cpim";
}

xmpp::Stanza to_stanza(const XmppText& text, bool session, std::string_view thread, bool rich) {
    auto stanza = message_stanza(session ? "chat" : "");
    stanza.lang = text.lang;
    if (!text.subject.empty()) stanza.add(xml::Element(ns::client, "subject").with_text(text.subject));
    stanza.add(xml::Element(ns::client, "body").with_text(text.text));
    if (rich && !text.html.empty())
        if (auto xhtml = html_to_xhtml(text.html)) stanza.add(*std::move(xhtml));
    if (!thread.empty()) stanza.add(xml::Element(ns::client, "thread").with_text(to_xml_text(thread)));
    if (session) stanza.add(xml::Element(ns::chat_states, "active"));
    return stanza;
}

xmpp::Stanza typing_stanza(Typing typing, TypingDialect dialect) {
    auto stanza = message_stanza("chat");
    const auto stopped = dialect == TypingDialect::keyboard_activity ? "paused" : "active";
    stanza.add(xml::Element(ns::chat_states, typing == Typing::active ? "composing" : stopped));
    return stanza;
}

xmpp::Stanza gone_stanza() {
    auto stanza = message_stanza("chat");
    stanza.add(xml::Element(ns::chat_states, "gone"));
    return stanza;
}

}  // namespace parley::gateway
