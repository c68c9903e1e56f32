#include "bench/load/scram.hpp"

#include <gtest/gtest.h>

namespace parley::bench {
namespace {

TEST(Base64, GoesThereAndBack) {
    for (const std::string text : {"", "f", "fo", "foo", "foobar"}) EXPECT_EQ(base64_decode(base64_encode(text)), text);
    EXPECT_EQ(base64_decode("!!!!"), "");
}

TEST(Scram, RefusesANonceThatIsNotItsOwn) {
    Scram scram(Mechanism::scram_sha_256, "user", "pencil");
    scram.first();
    EXPECT_FALSE(scram.final("r=other,s=QSXCR+Q6sek8bf92,i=4096"));
    EXPECT_FALSE(scram.verify("v=rmF9pqV8S7suAoZWja4dJRkFsKQ="));
}

}  // namespace
}  // namespace parley::bench
