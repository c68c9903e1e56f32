#pragma once

#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include "base/text.hpp"

namespace parley::sip::test {

// The messages of RFC 4475 as testdata/torture/<name>.dat has them: lines end in LF, and the RFC's own notation (its
// section 2) stands for what cannot be shown in text: <allOneLine>, <hex>, <repeat count=N>.
inline std::string expand_torture(std::string_view text) {
    std::string joined;
    bool one_line = false;
    for (const auto line : split(text, '\n')) {
        if (line == "<allOneLine>" || line == "</allOneLine>") {
            one_line = line[1] != '/';
            if (!one_line) joined += '\n';
            continue;
        }
        joined.append(line);
        if (!one_line) joined += '\n';
    }
    joined.pop_back();  // split() sees an empty line behind the last LF
    std::string out;
    std::string_view rest = joined;
    while (!rest.empty()) {
        if (rest.starts_with("<hex>")) {
            std::string digits;
            const auto end = rest.find("</hex>");
            for (const char c : rest.substr(5, end - 5))
                if (c != '\n') digits += c;
            out.append(hex_decode(digits).value());
            rest.remove_prefix(end + 6);
        } else if (rest.starts_with("<repeat count=")) {
            const auto close = rest.find('>');
            const auto end = rest.find("</repeat>");
            const auto count = parse_number<int>(rest.substr(14, close - 14)).value();
            for (int i = 0; i < count; ++i) out.append(rest.substr(close + 1, end - close - 1));
            rest.remove_prefix(end + 9);
        } else {
            if (rest[0] == '\n') out += '\r';
            out += rest[0];
            rest.remove_prefix(1);
        }
    }
    return out;
}

inline std::string load_torture(std::string_view name) {
    std::ifstream file(std::string(PARLEY_SOURCE_DIR) + "/src/sip/testdata/torture/" + std::string(name) + ".dat");
    std::ostringstream text;
    text << file.rdbuf();
    return expand_torture(text.str());
}

}  // namespace parley::sip::test
