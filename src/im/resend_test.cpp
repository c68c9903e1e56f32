#include "im/resend.hpp"

#include <gtest/gtest.h>

#include "xml/parser.hpp"

namespace parley::im {
namespace {

using namespace std::chrono_literals;

std::optional<ResendKey> key_of(const std::string& xml, const std::string& sender = "alice@example.com") {
    auto element = xml::parse_document("<m xmlns='jabber:client'>" + xml + "</m>");
    auto stanza = xmpp::Stanza::decode(element.value().take_children().front());
    return resend_key(stanza.value(), xmpp::Jid::parse(sender).value());
}

const std::string first = "<message to='bob@example.com' type='chat' id='m1'><body>Hi <b>you</b></body></message>";

TEST(ResendKey, IsTheSameForTheSameMessageOnly) {
    const auto key = key_of(first);
    ASSERT_TRUE(key);
    EXPECT_FALSE(key->unique_id);
    EXPECT_EQ(key->value, key_of(first)->value);
    const char* others[] = {
        "<message to='bob@example.com' type='chat' id='m2'><body>Hi <b>you</b></body></message>",
        "<message to='bob@example.com' type='chat' id='m1'><body>Hi <b>yo</b>u</body></message>",
        "<message to='bob@example.com' type='chat' id='m1'><body>Hi you</body></message>",
        "<message to='bob@example.com' type='chat' id='m1'><body>Hi <b x='1'>you</b></body></message>",
        "<message to='bob@example.com/a' type='chat' id='m1'><body>Hi <b>you</b></body></message>",
        "<message to='bob@example.com' type='chat' id='m1'><body>Hi <b>you</b></body><body/></message>",
        "<message to='bob@example.com' id='m1'><body>Hi <b>you</b></body></message>",
    };
    for (const auto* other : others) EXPECT_NE(key->value, key_of(other)->value) << other;
    EXPECT_NE(key->value, key_of(first, "carol@example.com")->value);
}

TEST(ResendKey, IgnoresWhenItWasSentAndTrustsAnOriginId) {
    const std::string delayed =
        "<message to='bob@example.com' type='chat' id='m1'><body>Hi <b>you</b></body>"
        "<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/></message>";
    EXPECT_EQ(key_of(first)->value, key_of(delayed)->value);
    const auto with = [](const std::string& id) {
        return key_of("<message to='bob@example.com' id='" + id +
                      "'><body>Hi</body><origin-id xmlns='urn:xmpp:sid:0' id='o1'/></message>");
    };
    EXPECT_TRUE(with("a")->unique_id);
    EXPECT_EQ(with("a")->value, with("b")->value);
    EXPECT_FALSE(key_of("<message to='bob@example.com'><body>Hi</body></message>"));
}

TEST(SentBook, Counts) {
    SentBook book(100);
    const SteadyTime now{1h};
    EXPECT_TRUE(book.empty());
    EXPECT_EQ(book.count(7), 0u);
    EXPECT_EQ(book.add(7, now), 1u);
    EXPECT_EQ(book.add(7, now), 2u);
    EXPECT_EQ(book.add(23, now), 1u) << "the same place in a table of 16";
    book.take(7);
    EXPECT_EQ(book.count(7), 1u);
    SentBook other(100);
    other.add(7, now, 3);
    book.add_all(other);
    EXPECT_EQ(book.count(7), 4u);
    EXPECT_EQ(book.count(23), 1u);
}

TEST(SentBook, KeepsTheNewestAndNoMoreThanItMay) {
    SentBook book(100);
    SteadyTime now{1h};
    for (std::uint64_t key = 1; key <= 5000; ++key) {
        now += 1s;
        book.add(key, now);
        EXPECT_LE(book.size(), 200u);
        for (std::uint64_t recent = key > 40 ? key - 40 : 1; recent <= key; ++recent)
            ASSERT_EQ(book.count(recent), 1u) << recent << " after " << key;
    }
}

TEST(SentBook, ForgetsWithTime) {
    SentBook book(1000);
    SteadyTime now{1h};
    for (std::uint64_t key = 1; key <= 12; ++key) book.add(key, now);
    now += SentBook::kept + 1s;
    book.add(100, now);
    EXPECT_EQ(book.size(), 1u);
    EXPECT_EQ(book.count(1), 0u);
}

}  // namespace
}  // namespace parley::im
