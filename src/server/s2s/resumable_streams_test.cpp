#include "server/s2s/resumable_streams.hpp"

#include <gtest/gtest.h>

#include "server/s2s/in_stream.hpp"
#include "tests/support/fake_executor.hpp"

namespace parley::server {
namespace {

using namespace std::chrono_literals;

class ResumableStreamsTest : public testing::Test {
protected:
    // Never looked into: the streams are only told apart.
    InStream* const open = reinterpret_cast<InStream*>(&place_);
    std::string add(const std::string& remote = "b.example") {
        return streams.add({nullptr, open, "a.example", remote});
    }
    bool takes(const std::string& id, const std::string& remote = "b.example") {
        return streams.take(id, "a.example", remote) != nullptr;
    }

    test::FakeExecutor executor;
    SeededRandom random{7};
    ResumableStreams streams{executor, random};

private:
    int place_ = 0;
};

TEST_F(ResumableStreamsTest, GivesAStreamOnceToItsPairOfDomains) {
    const auto id = add();
    EXPECT_GE(id.size(), 32u);
    EXPECT_FALSE(takes("another"));
    EXPECT_FALSE(takes(id, "c.example"));
    EXPECT_FALSE(streams.take(id, "x.example", "b.example"));
    EXPECT_TRUE(takes(id));
    EXPECT_FALSE(takes(id));
}

TEST_F(ResumableStreamsTest, KeepsWhatBrokeForItsTimeAndWhatIsOpenForEver) {
    const auto broken = add(), still_open = add();
    EXPECT_FALSE(streams.awaited("a.example", "b.example"));
    EXPECT_TRUE(streams.broke(broken, 60s));
    EXPECT_TRUE(streams.awaited("a.example", "b.example"));
    EXPECT_FALSE(streams.awaited("a.example", "c.example"));
    executor.advance(59s);
    const auto session = streams.take(broken, "a.example", "b.example");
    ASSERT_TRUE(session);
    EXPECT_EQ(session->stream, nullptr);
    streams.put(broken, {nullptr, open, "a.example", "b.example"});  // resumed: it is open again
    executor.advance(1h);
    streams.broke(broken, 60s);
    executor.advance(61s);
    EXPECT_FALSE(takes(broken));
    EXPECT_TRUE(takes(still_open));
}

TEST_F(ResumableStreamsTest, IsBounded) {
    std::vector<std::string> ids;
    for (std::size_t i = 0; i < ResumableStreams::most_of_a_pair + 2; ++i) {
        ids.push_back(add());
        EXPECT_EQ(streams.broke(ids.back(), 60s), i < ResumableStreams::most_of_a_pair);
    }
    EXPECT_TRUE(takes(ids.front()));
    EXPECT_FALSE(takes(ids.back()));
    for (std::size_t i = 0; i < ResumableStreams::most_broken; ++i)
        streams.broke(add(std::to_string(i) + ".example"), 60s);
    const auto one_too_many = add("last.example");
    EXPECT_FALSE(streams.broke(one_too_many, 60s));
    EXPECT_FALSE(takes(one_too_many, "last.example"));
    const auto never = add("zero.example");
    EXPECT_FALSE(streams.broke(never, 0s));
    EXPECT_FALSE(takes(never, "zero.example"));
}

}  // namespace
}  // namespace parley::server
