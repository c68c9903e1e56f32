#include "sip/tag.hpp"

#include "base/text.hpp"

namespace parley::sip {
namespace {

constexpr std::size_t cluster_digits = 2;
constexpr std::size_t slot_digits = 4;
constexpr std::size_t random_digits = 16;

std::optional<std::uint64_t> number(std::string_view digits) {
    std::uint64_t value = 0;
    for (const char c : digits) {
        const char lower = to_lower(c);
        const bool letter = lower >= 'a' && lower <= 'f';
        if (!letter && (c < '0' || c > '9')) return {};
        value = (value << 4) | static_cast<std::uint64_t>(letter ? lower - 'a' + 10 : c - '0');
    }
    return value;
}

std::string home_of(TagToken token) {
    const auto byte = [](unsigned value) { return std::string(1, static_cast<char>(value & 0xff)); };
    const unsigned slot = token.slot;
    return hex_encode(byte(token.cluster)) + '.' + hex_encode(byte(slot >> 8) + byte(slot)) + '.';
}

}  // namespace

std::string make_tag(TagToken token, Random& random) {
    return home_of(token) + random.hex(random_digits / 2);
}

std::string make_tag(TagToken token, std::string_view unique) {
    return home_of(token) + hex_encode(unique.substr(0, random_digits / 2));
}

std::optional<TagToken> parse_tag(std::string_view tag) {
    if (tag.size() != cluster_digits + slot_digits + random_digits + 2) return {};
    if (tag[cluster_digits] != '.' || tag[cluster_digits + 1 + slot_digits] != '.') return {};
    const auto cluster = number(tag.substr(0, cluster_digits));
    const auto slot = number(tag.substr(cluster_digits + 1, slot_digits));
    if (!cluster || !slot || !number(tag.substr(tag.size() - random_digits))) return {};
    return TagToken{static_cast<std::uint8_t>(*cluster), static_cast<std::uint16_t>(*slot)};
}

}  // namespace parley::sip
