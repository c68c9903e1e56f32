#include "sip/header/diagnostics.hpp"

#include <array>

namespace parley::sip {

std::string diagnostics_of(const Message& response) {
    static constexpr std::size_t longest = 512;
    static constexpr std::array ids{HeaderId::ms_diagnostics_public, HeaderId::ms_diagnostics, HeaderId::warning,
                                    HeaderId::reason};
    std::string out;
    for (const auto id : ids) {
        for (const auto value : response.headers(id)) {
            if (!out.empty()) out += "; ";
            out.append(to_string(id)).append(": ");
            for (const char c : value)
                if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) out += c;
        }
    }
    if (out.size() > longest) out.resize(longest);
    return out;
}

}  // namespace parley::sip
