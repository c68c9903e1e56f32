// Bytes of a connection: cut, parse, print, parse again. What we print must read as the same message, in one piece and
// however the stream was chopped.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "sip/framer.hpp"
#include "sip/message.hpp"

namespace {

using parley::sip::Framer;

void require(bool condition) {
    if (!condition) std::abort();
}

std::vector<std::string> cut(std::string_view bytes, std::size_t piece) {
    Framer framer;
    std::vector<std::string> messages;
    while (!bytes.empty()) {
        framer.feed(bytes.substr(0, piece));
        bytes.remove_prefix(std::min(piece, bytes.size()));
        for (;;) {
            const auto item = framer.next();
            if (item.kind == Framer::Item::Kind::fatal) {
                if (!item.bytes.empty()) (void)parley::sip::parse_head(item.bytes);
                return messages;
            }
            if (item.kind == Framer::Item::Kind::need_more) break;
            messages.emplace_back(item.bytes);
        }
    }
    return messages;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto messages = cut(bytes, size);
    require(messages == cut(bytes, 1 + size % 13));
    for (const auto& text : messages) {
        const auto parsed = parley::sip::parse_message(text);
        if (!parsed || parsed->problem) continue;
        const auto printed = parsed->message.serialise();
        require(cut(printed, printed.size()).size() == 1);
        const auto again = parley::sip::parse_message(printed);
        require(again && !again->problem);
        require(again->message.serialise() == printed);
        require(again->message.body() == parsed->message.body());
    }
    return 0;
}
