#include "gateway/mapping/presence_record.hpp"

#include <gtest/gtest.h>

namespace parley::gateway {
namespace {

TEST(PresenceRecord, KeepsEverything) {
    ContactPresence contact;
    EXPECT_EQ(decode_contact_presence(encode(contact)), contact);
    contact = {Availability::idle, "10: lunch, \xc3\xa4\n",
               "In a meeting",     TimePoint{Millis{1'700'000'000'123}},
               "Bob 5:\"B\"",      127};
    EXPECT_EQ(decode_contact_presence(encode(contact)), contact);
    for (const auto availability : availabilities) {
        contact.availability = availability;
        EXPECT_EQ(decode_contact_presence(encode(contact)), contact);
    }
}

TEST(PresenceRecord, WhatIsOddIsNothing) {
    const auto good = encode({Availability::away, "note", "status", {}, "name", 5});
    ASSERT_TRUE(decode_contact_presence(good));
    for (std::size_t size = 0; size < good.size(); ++size)
        EXPECT_FALSE(decode_contact_presence(good.substr(0, size))) << size;
    for (const auto* text : {"", "v2 0 0 0 0: 0: 0: ", "v1 7 0 0 0: 0: 0: ", "v1 -1 0 0 0: 0: 0: ",
                             "v1 0 128 0 0: 0: 0: ", "v1 0 0 x 0: 0: 0: ", "v1 0 0 0 9999999999999999999: 0: 0: "})
        EXPECT_FALSE(decode_contact_presence(text)) << text;
}

}  // namespace
}  // namespace parley::gateway
