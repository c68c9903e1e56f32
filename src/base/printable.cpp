#include "base/printable.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace parley {
namespace {

// The length of the well-formed character that `text` begins with; 0: there is none.
std::size_t character_at(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text.front());
    const std::size_t size = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
    return size != 0 && size <= text.size() && is_utf8(text.substr(0, size)) ? size : 0;
}

// C0, DEL and C1: what moves the cursor of a terminal.
bool is_control(std::string_view character) {
    const auto first = static_cast<unsigned char>(character.front());
    if (character.size() == 1) return first < 0x20 || first == 0x7f;
    return first == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0;
}

}  // namespace

std::string printable(std::string_view text, std::size_t most, bool lines) {
    std::string out;
    out.reserve(std::min(text.size(), most));
    while (!text.empty()) {
        const auto size = character_at(text);
        const auto character = text.substr(0, std::max<std::size_t>(size, 1));
        if (lines && character == "\r") {
            text.remove_prefix(1);
            continue;
        }
        const bool stays = lines && (character == "\n" || character == "\t");
        const auto fit = size != 0 && (stays || !is_control(character)) ? character : std::string_view("?");
        if (out.size() + fit.size() > most) break;
        out += fit;
        text.remove_prefix(character.size());
    }
    return out;
}

}  // namespace parley
