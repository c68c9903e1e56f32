#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "sip/uri.hpp"

// What parses keeps its text, is equivalent to itself, and its address of record parses again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto uri = parley::sip::Uri::parse(text);
    if (!uri) return 0;
    if (uri->text() != text || !equivalent(*uri, *uri)) std::abort();
    if (uri->is_sip()) {
        const auto aor = parley::sip::Uri::parse(uri->aor());
        if (!aor || aor->aor() != uri->aor()) std::abort();
        const auto user = parley::sip::unescape(uri->user());
        if (!user) std::abort();
        if (!user->empty() && parley::sip::unescape(parley::sip::escape_user(*user)) != *user) std::abort();
    }
    (void)uri->param("transport");
    return 0;
}
