#include "admin/messages/message.hpp"

#include <cstdlib>
#include <unordered_map>
#include <vector>

namespace parley::admin {

extern const std::span<const CatalogueEntry> catalogue_en, catalogue_ja, partners_en, partners_ja;

namespace {

using Index = std::unordered_map<std::string_view, std::string_view>;

std::vector<CatalogueEntry> joined(std::span<const CatalogueEntry> one, std::span<const CatalogueEntry> other) {
    std::vector<CatalogueEntry> all(one.begin(), one.end());
    all.insert(all.end(), other.begin(), other.end());
    return all;
}

Index index_of(std::span<const CatalogueEntry> entries) {
    Index index;
    for (const auto& entry : entries) index.emplace(entry.id, entry.text);
    return index;
}

}  // namespace

std::optional<MessageId> MessageId::find(std::string_view id) {
    const auto* const found = std::find(message_ids.begin(), message_ids.end(), id);
    if (found == message_ids.end()) return std::nullopt;
    return MessageId(Known{}, *found);
}

std::span<const CatalogueEntry> catalogue(Language language) {
    static const auto english = joined(catalogue_en, partners_en), japanese = joined(catalogue_ja, partners_ja);
    return language == Language::japanese ? japanese : english;
}

std::string format(Language language, std::string_view id, std::span<const std::string> args) {
    static const Index english = index_of(catalogue(Language::english)),
                       japanese = index_of(catalogue(Language::japanese));
    const auto& index = language == Language::japanese ? japanese : english;
    const auto found = index.find(id);
    if (found == index.end()) return std::string(id);
    std::string out;
    const auto text = found->second;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '{' && i + 2 < text.size() && text[i + 2] == '}' && text[i + 1] >= '0' && text[i + 1] <= '9') {
            const auto place = static_cast<std::size_t>(text[i + 1] - '0');
            if (place < args.size()) {
                // "@type.string": a word that is a message itself, because it is not yet known in which language.
                const auto word =
                    args[place].starts_with('@') ? index.find(std::string_view(args[place]).substr(1)) : index.end();
                out += word == index.end() ? args[place] : std::string(word->second);
            }
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

std::string Message::in(Language language) const {
    return format(language, id.name(), args);
}

Language language_from_environment() {
    for (const char* variable : {"LC_ALL", "LC_MESSAGES", "LANG"}) {
        const char* value = std::getenv(variable);
        if (value == nullptr || *value == '\0') continue;
        return std::string_view(value).starts_with("ja") ? Language::japanese : Language::english;
    }
    return Language::english;
}

}  // namespace parley::admin
