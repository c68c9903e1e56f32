#include "sip/body/typing.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "sip/header/numbers.hpp"
#include "xml/parser.hpp"
#include "xml/writer.hpp"

namespace parley::sip {
namespace {

constexpr std::string_view ns_is_composing = "urn:ietf:params:xml:ns:im-iscomposing";
constexpr std::string_view declaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n";
constexpr std::size_t longest = 8 * 1024;  // such a document has some 200 bytes
constexpr Seconds shortest_refresh{60}, usual_refresh{120}, longest_refresh{3600};

}  // namespace

std::string encode_keyboard_activity(Typing state) {
    return std::string("<?xml version=\"1.0\"?><KeyboardActivity><status status=\"") +
           (state == Typing::active ? "type" : "idle") + "\"/></KeyboardActivity>";
}

Result<Typing> decode_keyboard_activity(std::string_view body) {
    if (body.size() > longest) return Error{Errc::too_long, "KeyboardActivity"};
    const auto root = xml::parse_document(body);
    if (!root) return root.error();
    if (root->name() != "KeyboardActivity") return Error{Errc::not_found, "not a KeyboardActivity"};
    const auto* status = root->child("", "status");
    if (!status) status = root->child(root->ns(), "status");
    if (!status) return Error{Errc::malformed, "KeyboardActivity without a status"};
    // Words that we do not know ("mic", "ink") are no typing.
    return status->attribute("status") == "type" ? Typing::active : Typing::idle;
}

std::string encode_is_composing(Typing state, Seconds refresh) {
    xml::Element root(ns_is_composing, "isComposing");
    root.add(xml::Element(ns_is_composing, "state")).add_text(state == Typing::active ? "active" : "idle");
    root.add(xml::Element(ns_is_composing, "contenttype")).add_text("text/plain");
    if (state == Typing::active)
        root.add(xml::Element(ns_is_composing, "refresh")).add_text(std::to_string(refresh.count()));
    return std::string(declaration) + xml::to_string(root);
}

Result<IsComposing> decode_is_composing(std::string_view body) {
    if (body.size() > longest) return Error{Errc::too_long, "isComposing"};
    const auto root = xml::parse_document(body);
    if (!root) return root.error();
    if (!root->is(ns_is_composing, "isComposing")) return Error{Errc::not_found, "not an isComposing"};
    const auto* state = root->child(ns_is_composing, "state");
    if (!state) return Error{Errc::malformed, "isComposing without a state"};
    IsComposing typing;
    const auto word = state->text();
    typing.state = trim(word) == "active" ? Typing::active : Typing::idle;  // RFC 3994 3.2: unknown ones are idle
    if (const auto* refresh = root->child(ns_is_composing, "refresh")) {
        const auto text = refresh->text();
        typing.refresh = std::clamp(parse_delta(trim(text)).value_or(usual_refresh), shortest_refresh, longest_refresh);
    }
    if (const auto* type = root->child(ns_is_composing, "contenttype")) {
        const auto text = type->text();
        typing.content_type = std::string(trim(text));
    }
    return typing;
}

}  // namespace parley::sip
