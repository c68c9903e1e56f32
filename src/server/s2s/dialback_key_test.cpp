#include "server/s2s/dialback_key.hpp"

#include <gtest/gtest.h>

namespace parley::server {
namespace {

// XEP-0185 3, its example.
TEST(DialbackKey, IsThatOfTheExample) {
    EXPECT_EQ(dialback_key("s3cr3tf0rd14lb4ck", "xmpp.example.com", "example.org", "D60000229F"),
              "37c69b1cf07a3f67c04a5ef5902fa5114f2c76fe4a2686482ba5b89323075643");
}

TEST(DialbackKey, DependsOnEachPart) {
    const auto key = dialback_key("s", "a", "b", "1");
    EXPECT_NE(key, dialback_key("t", "a", "b", "1"));
    EXPECT_NE(key, dialback_key("s", "b", "a", "1"));
    EXPECT_NE(key, dialback_key("s", "a", "b", "2"));
}

}  // namespace
}  // namespace parley::server
