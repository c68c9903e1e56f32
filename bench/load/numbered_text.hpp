#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace parley::bench {

// "SENDER NUMBER filler": what the body of each message says, so that its receiver can check the order.
struct NumberedText {
    std::uint32_t sender = 0;
    std::uint64_t number = 0;
};

inline std::string numbered_text(NumberedText text, std::size_t size) {
    auto out = std::to_string(text.sender) + ' ' + std::to_string(text.number) + ' ';
    if (out.size() < size) out.append(size - out.size(), 'x');
    return out;
}

inline std::optional<NumberedText> parse_numbered_text(std::string_view text) {
    NumberedText out;
    const auto* end = text.data() + text.size();
    const auto sender = std::from_chars(text.data(), end, out.sender);
    if (sender.ec != std::errc{} || sender.ptr == end) return std::nullopt;
    if (std::from_chars(sender.ptr + 1, end, out.number).ec != std::errc{}) return std::nullopt;
    return out;
}

}  // namespace parley::bench
