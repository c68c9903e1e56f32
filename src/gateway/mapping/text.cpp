#include "gateway/mapping/text.hpp"

#include "base/text.hpp"

namespace parley::gateway {
namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";

// Bytes of the well-formed character that starts `text`, or 0.
std::size_t character(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text[0]);
    const std::size_t size = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    return size <= text.size() && is_utf8(text.substr(0, size)) ? size : 0;
}

bool is_allowed(std::string_view character) {
    const auto lead = static_cast<unsigned char>(character[0]);
    if (character.size() == 1) return (lead >= 0x20 && lead != 0x7f) || lead == '\t' || lead == '\n';
    // U+FFFE and U+FFFF are no characters of XML; U+0080 to U+009F are, but they are controls all the same.
    if (lead == 0xc2) return static_cast<unsigned char>(character[1]) >= 0xa0;
    return character != "\xef\xbf\xbe" && character != "\xef\xbf\xbf";
}

}  // namespace

std::string_view clip(std::string_view text, std::size_t most) {
    if (text.size() <= most) return text;
    while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
    return text.substr(0, most);
}

std::string to_xml_text(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        if (text[0] == '\r') {
            out += '\n';
            text.remove_prefix(text.starts_with("\r\n") ? 2 : 1);
            continue;
        }
        const auto size = character(text);
        out += size > 0 && is_allowed(text.substr(0, size)) ? text.substr(0, size) : replacement;
        text.remove_prefix(size > 0 ? size : 1);
    }
    return out;
}

}  // namespace parley::gateway
