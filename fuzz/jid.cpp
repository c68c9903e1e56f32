// What parses prints, and what it prints parses again to an equal address.
#include "xmpp/jid.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using parley::xmpp::Jid;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto jid = Jid::parse(text);
    if (!jid) return 0;
    const auto printed = jid->to_string();
    const auto again = Jid::parse(printed);
    if (!again || *again != *jid || again->to_string() != printed) std::abort();
    const auto made = Jid::make(jid->local(), jid->domain(), jid->resource());
    if (!made || *made != *jid) std::abort();
    return 0;
}
