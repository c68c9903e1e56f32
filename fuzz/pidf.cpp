#include "sip/body/pidf.hpp"

#include <cstdlib>
#include <string_view>

// What can be read can be written, and reads again as the same (but for the ids that the writer adds).
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    using namespace parley;
    const auto first = sip::decode_pidf({reinterpret_cast<const char*>(data), size});
    if (!first) return 0;
    const auto text = sip::encode_pidf(*first);
    const auto second = sip::decode_pidf(text);
    // Escaping makes a document longer, so one near the limit may come out too long: nothing else may fail.
    if (!second) return second.error().code == Errc::too_long ? 0 : (std::abort(), 0);
    if (sip::encode_pidf(*second) != text) std::abort();
    return 0;
}
