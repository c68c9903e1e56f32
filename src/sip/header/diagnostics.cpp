#include "sip/header/diagnostics.hpp"

#include <array>

#include "base/printable.hpp"

namespace parley::sip {

std::string diagnostics_of(const Message& response) {
    static constexpr std::size_t longest = 512;
    static constexpr std::array ids{HeaderId::ms_diagnostics_public, HeaderId::ms_diagnostics, HeaderId::warning,
                                    HeaderId::reason};
    std::string out;
    for (const auto id : ids) {
        for (const auto value : response.headers(id)) {
            if (!out.empty()) out += "; ";
            out.append(to_string(id)).append(": ").append(value);
        }
    }
    return printable(out, longest);
}

}  // namespace parley::sip
