#pragma once

#include <string>
#include <string_view>

namespace parley {

// What somebody else has written (valid UTF-8), for one line of a log or of a terminal: control characters become
// spaces, and at most `most` bytes are kept, without cutting a character.
inline std::string printable(std::string_view text, std::size_t most = 500) {
    if (text.size() > most) {
        while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0) == 0x80) --most;
        text = text.substr(0, most);
    }
    std::string out(text);
    for (std::size_t i = 0; i < out.size(); ++i) {
        const auto byte = static_cast<unsigned char>(out[i]);
        // C1 controls, which terminals obey too, are 0xC2 0x80 to 0x9F.
        const bool c1 = byte == 0xC2 && i + 1 < out.size() && static_cast<unsigned char>(out[i + 1]) < 0xA0;
        if (byte < 0x20 || byte == 0x7F) out[i] = ' ';
        if (c1) out[i] = out[i + 1] = ' ';
    }
    return out;
}

}  // namespace parley
