#include "admin/messages/message.hpp"

#include <set>

#include <gtest/gtest.h>

namespace parley::admin {
namespace {

std::set<std::string> places(std::string_view text) {
    std::set<std::string> out;
    for (std::size_t i = 0; i + 2 < text.size(); ++i)
        if (text[i] == '{' && text[i + 2] == '}') out.emplace(text.substr(i, 3));
    return out;
}

TEST(Messages, EveryCatalogueHasEveryIdOnce) {
    for (const auto language : {Language::english, Language::japanese}) {
        std::multiset<std::string_view> found;
        for (const auto& entry : catalogue(language)) {
            found.insert(entry.id);
            EXPECT_FALSE(entry.text.empty()) << entry.id;
        }
        for (const auto id : message_ids)
            EXPECT_EQ(found.count(id), 1u) << id << " in language " << static_cast<int>(language);
        EXPECT_EQ(found.size(), message_ids.size());
    }
}

TEST(Messages, BothLanguagesUseTheSamePlaces) {
    std::map<std::string_view, std::string_view> english;
    for (const auto& entry : catalogue(Language::english)) english[entry.id] = entry.text;
    for (const auto& entry : catalogue(Language::japanese))
        EXPECT_EQ(places(entry.text), places(english[entry.id])) << entry.id;
}

TEST(Messages, FillsPlacesAndNamesTypesInTheReadersLanguage) {
    const Message message{"config.wrong-type", {"@type.integer", "@type.string"}};
    EXPECT_EQ(message.in(Language::english), "this is a whole number; text is wanted");
    EXPECT_EQ(message.in(Language::japanese), "これは整数です。文字列が必要です");
    EXPECT_EQ((Message{"fix.write", {"{0} @type.string"}}.in(Language::english)), "write {0} @type.string");
    EXPECT_EQ((Message{"fix.write-either", {"a"}}.in(Language::english)), "write a or ");
}

}  // namespace
}  // namespace parley::admin
