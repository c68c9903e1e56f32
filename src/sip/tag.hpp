#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/random.hpp"

namespace parley::sip {

// Our tags carry where the dialog lives: "<cluster>.<slot>.<random>", as 2, 4 and 16 hexadecimal digits. So any node
// can pass on any request of the dialog without a look-up, also one that comes without our Route. `slot` is 16 bits of
// the local user's hash: the number of slots may change, the tags of live dialogs do not.
struct TagToken {
    std::uint8_t cluster = 0;
    std::uint16_t slot = 0;
    bool operator==(const TagToken&) const = default;
};

std::string make_tag(TagToken token, Random& random);
std::string make_tag(TagToken token, std::string_view unique);  // 8 bytes
std::optional<TagToken> parse_tag(std::string_view tag);        // nothing if it is not a tag of ours

}  // namespace parley::sip
