// What a profile lets through is stable, well-formed and within its limit (RFC 8264 7, RFC 7622 3).
#include "xmpp/precis.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/text.hpp"

namespace {

using Prepare = parley::Result<std::string> (*)(std::string_view);

void check(Prepare prepare, std::string_view text) {
    const auto once = prepare(text);
    if (!once) return;
    if (once->empty() || once->size() > 1023 || !parley::is_utf8(*once)) std::abort();
    if (prepare(*once) != once) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check(parley::xmpp::prepare_localpart, text);
    check(parley::xmpp::prepare_domainpart, text);
    check(parley::xmpp::prepare_resourcepart, text);
    return 0;
}
