// The stream parser against any bytes in any pieces: what it gives out must be written and parsed again to an equal
// value.
#include <cstdint>
#include <cstdlib>

#include "xml/parser.hpp"
#include "xml/writer.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace parley::xml;
    if (size < 1) return 0;
    const std::size_t piece = data[0] % 64 + 1u;
    const std::string_view all(reinterpret_cast<const char*>(data) + 1, size - 1);
    StreamParser parser;
    for (std::size_t at = 0; at < all.size(); at += piece) {
        const bool going_on = parser.feed(all.substr(at, piece)).has_value();
        while (const auto item = parser.next()) {
            const auto* element = std::get_if<Element>(&*item);
            if (!element) continue;
            const auto again = parse_document(to_string(*element));
            if (!again || *again != *element) std::abort();
        }
        if (!going_on) break;
        parser.release();
    }
    return 0;
}
