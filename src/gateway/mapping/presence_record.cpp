#include "gateway/mapping/presence_record.hpp"

#include <array>

#include "base/text.hpp"

namespace parley::gateway {
namespace {

// "v1 availability priority idle-since" and three texts, each "length:bytes" behind a space.
constexpr std::string_view version = "v1";

std::optional<std::string_view> take_word(std::string_view& rest) {
    const auto space = rest.find(' ');
    if (space == std::string_view::npos) return {};
    const auto word = rest.substr(0, space);
    rest.remove_prefix(space + 1);
    return word;
}

std::optional<std::string> take_text(std::string_view& rest) {
    const auto colon = rest.find(':');
    if (colon == std::string_view::npos) return {};
    const auto size = parse_number<std::size_t>(rest.substr(0, colon));
    rest.remove_prefix(colon + 1);
    if (!size || *size >= rest.size() || rest[*size] != ' ') return {};
    std::string text(rest.substr(0, *size));
    rest.remove_prefix(*size + 1);
    return text;
}

}  // namespace

std::string encode(const ContactPresence& contact) {
    std::string out(version);
    const auto since = contact.idle_since ? contact.idle_since->time_since_epoch().count() : 0;
    for (const std::int64_t number :
         {static_cast<std::int64_t>(contact.availability), std::int64_t{contact.priority}, std::int64_t{since}})
        out.append(" ").append(std::to_string(number));
    out += ' ';
    for (const auto* text : {&contact.note, &contact.status, &contact.display_name})
        out.append(std::to_string(text->size())).append(":").append(*text).append(" ");
    return out;
}

std::optional<ContactPresence> decode_contact_presence(std::string_view record) {
    if (take_word(record) != version) return {};
    std::array<std::int64_t, 3> numbers{};
    for (auto& number : numbers) {
        const auto word = take_word(record);
        const auto value = word ? parse_number<std::int64_t>(*word) : std::nullopt;
        if (!value) return {};
        number = *value;
    }
    ContactPresence contact;
    if (numbers[0] < 0 || numbers[0] > static_cast<std::int64_t>(Availability::offline)) return {};
    contact.availability = static_cast<Availability>(numbers[0]);
    if (numbers[1] < 0 || numbers[1] > 127) return {};
    contact.priority = static_cast<int>(numbers[1]);
    if (numbers[2] != 0) contact.idle_since = TimePoint{Millis{numbers[2]}};
    for (auto* text : {&contact.note, &contact.status, &contact.display_name}) {
        auto taken = take_text(record);
        if (!taken) return {};
        *text = *std::move(taken);
    }
    return contact;
}

}  // namespace parley::gateway
