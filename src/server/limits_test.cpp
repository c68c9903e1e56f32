#include <gtest/gtest.h>

#include "server/address_limits.hpp"
#include "server/token_bucket.hpp"

namespace parley::server {
namespace {

using namespace std::chrono_literals;

TEST(TokenBucket, LetsABurstThroughAndThenTheRate) {
    TokenBucket bucket(20, 200);
    SteadyTime now{1s};
    for (int i = 0; i < 200; ++i) EXPECT_EQ(bucket.take(1, now), 0ms) << i;
    const auto pause = bucket.take(1, now);
    EXPECT_GE(pause, 50ms);
    EXPECT_LE(pause, 51ms);
    now += pause;
    EXPECT_GT(bucket.take(1, now), 0ms);
    now += 1h;
    for (int i = 0; i < 200; ++i) EXPECT_EQ(bucket.take(1, now), 0ms) << "never more than the burst is saved: " << i;
    EXPECT_GT(bucket.take(1, now), 0ms);
}

TEST(AddressLimits, CountsByAddressUntilAPlaceIsLeft) {
    const auto book = std::make_shared<AddressLimits>();
    Limits limits;
    limits.unauthenticated_per_address = 2;
    limits.connections_per_address = 3;
    const net::Endpoint peer{"192.0.2.1", 1000}, other{"192.0.2.2", 1000};
    auto first = book->enter(peer, limits);
    auto second = book->enter(peer, limits);
    ASSERT_TRUE(first && second);
    EXPECT_FALSE(book->enter(peer, limits)) << "two wait for authentication";
    EXPECT_TRUE(book->enter(other, limits));
    first->authenticated();
    auto third = book->enter(peer, limits);
    ASSERT_TRUE(third);
    second->authenticated();
    third->authenticated();
    EXPECT_FALSE(book->enter(peer, limits)) << "three in all";
    first.reset();
    EXPECT_TRUE(book->enter(peer, limits));
}

TEST(AddressLimits, AnIpv6NetworkIsOneAddressAndLoopbackIsFree) {
    const auto book = std::make_shared<AddressLimits>();
    Limits limits;
    limits.connections_per_address = 1;
    auto place = book->enter({"2001:db8:1:2::1", 1}, limits);
    ASSERT_TRUE(place);
    EXPECT_FALSE(book->enter({"2001:db8:1:2:ffff::9", 1}, limits));
    EXPECT_TRUE(book->enter({"2001:db8:1:3::1", 1}, limits));
    auto one = book->enter({"127.0.0.1", 1}, limits), two = book->enter({"127.0.0.1", 1}, limits);
    EXPECT_TRUE(one && two);
}

}  // namespace
}  // namespace parley::server
