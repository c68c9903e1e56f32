#include "server/stream_management.hpp"

#include <gtest/gtest.h>

namespace parley::server {
namespace {

// XEP-0198 4: h is cumulative, so one stanza that is not on disk yet holds back all later ones.
TEST(InboundAcks, CountsOnlyASettledPrefix) {
    InboundAcks acks;
    const auto first = acks.begin();
    const auto second = acks.begin();
    acks.request();
    EXPECT_FALSE(acks.due());
    acks.settle(second);
    EXPECT_EQ(acks.settled(), 0u);
    EXPECT_FALSE(acks.due());
    acks.settle(first);
    EXPECT_EQ(acks.settled(), 2u);
    EXPECT_EQ(acks.due(), 2u);
    EXPECT_FALSE(acks.due()) << "one <r/> gets one <a/>";
}

TEST(InboundAcks, AnswersForWhatCameBeforeTheRequestOnly) {
    InboundAcks acks;
    const auto first = acks.begin();
    acks.request();
    acks.begin();
    acks.settle(first);
    EXPECT_EQ(acks.due(), 1u);
}

TEST(InboundAcks, SettlingTwiceCountsOnce) {
    InboundAcks acks;
    const auto first = acks.begin();
    acks.settle(first);
    acks.settle(first);
    acks.begin();
    EXPECT_EQ(acks.settled(), 1u);
}

TEST(UnackedQueue, GivesBackWhatAnAckCovers) {
    UnackedQueue queue;
    for (std::int64_t id = 1; id <= 3; ++id) queue.push({{}, id}, 100);
    const auto two = queue.acknowledge(2);
    ASSERT_TRUE(two);
    ASSERT_EQ(two->size(), 2u);
    EXPECT_EQ((*two)[1].spool_id, 2);
    EXPECT_EQ(queue.bytes(), 100u);
    EXPECT_TRUE(queue.acknowledge(2)->empty());
    EXPECT_FALSE(queue.acknowledge(4)) << "more than was sent";
    EXPECT_FALSE(queue.acknowledge(1)) << "going back";
    EXPECT_EQ(queue.take_all().size(), 1u);
    EXPECT_EQ(queue.bytes(), 0u);
}

}  // namespace
}  // namespace parley::server
