#include <cstdlib>
#include <string_view>

#include "im/room/room.hpp"
#include "xml/parser.hpp"

// A room's record from a damaged store, and a settings form from a client: what is read can be written, and reads the
// same again.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    using namespace parley;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto record = im::decode_room(text)) {
        const auto again = im::decode_room(im::encode_room(*record));
        if (!again || *again != *record) std::abort();
    }
    const auto form = xml::parse_document(text);
    if (!form) return 0;
    if (const auto config = im::read_room_form(*form, {})) {
        auto submitted = im::room_form(*config);
        const auto again = im::read_room_form(submitted, {});
        if (!again || *again != *config) std::abort();
    }
    return 0;
}
