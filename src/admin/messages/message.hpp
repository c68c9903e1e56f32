#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "admin/messages/ids.hpp"

namespace parley::admin {

// The id of a message that exists: a misspelled literal does not compile.
class MessageId {
public:
    consteval MessageId(const char* id) : id_(id) {
        if (std::find(message_ids.begin(), message_ids.end(), id_) == message_ids.end()) throw "no such message id";
    }
    constexpr std::string_view name() const { return id_; }
    static std::optional<MessageId> find(std::string_view id);  // of one that came over a socket
    friend constexpr bool operator==(const MessageId&, const MessageId&) = default;

private:
    struct Known {};
    constexpr MessageId(Known, std::string_view id) : id_(id) {}
    std::string_view id_;
};

enum class Language { english, japanese };

// From LC_ALL, LC_MESSAGES, LANG, as setlocale(3) orders them; English when they say nothing we have.
Language language_from_environment();

// A message with what stands in for its {0}, {1}, ...; kept as data until it is known in which language it is read.
struct Message {
    MessageId id;
    std::vector<std::string> args;

    std::string in(Language language) const;
    bool operator==(const Message&) const = default;
};

struct CatalogueEntry {
    std::string_view id, text;
};
std::span<const CatalogueEntry> catalogue(Language language);
// The text with its places filled; the id itself when the catalogue lacks it (a bug that a test finds).
std::string format(Language language, std::string_view id, std::span<const std::string> args);

}  // namespace parley::admin
