// What an administrator finds in the log about those who were refused.
#include <filesystem>
#include <fstream>
#include <sstream>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/log.hpp"
#include "tests/scenario/world.hpp"
#include "tests/scenario/xml_end.hpp"
#include "xmpp/sasl/sasl_data.hpp"

namespace parley::test {
namespace {

using namespace std::chrono_literals;

class RefusalLogTest : public ::testing::Test {
protected:
    RefusalLogTest() : file_(folder_.path() + "/log") {
        EXPECT_TRUE(start_log(LogLevel::info, file_));
        world.local_domains = {"example.com"};
        world.accounts = {xmpp::Jid::parse("bob@example.com").value()};
        world.start();
    }
    ~RefusalLogTest() override { EXPECT_TRUE(start_log(LogLevel::warning, "")); }
    std::vector<std::string> lines() {
        std::vector<std::string> all;
        std::ifstream in(file_);
        for (std::string line; std::getline(in, line);) all.push_back(line.substr(line.find(" - ") + 3));
        return all;
    }
    // A sign-in by PLAIN that fails; gives what went wrong otherwise.
    std::string fail(const std::string& user, const std::string& password) {
        Client client(world.network, world.executor, user, "example.com", "x", "10.0.2.2");
        if (auto bad = client.secure(); !bad.empty()) return bad;
        const std::string zero(1, '\0');
        client.say("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" +
                   xmpp::encode_sasl_data(zero + user + zero + password) + "</auth>");
        client.collect();
        return client.heard().empty() || client.heard().back().name() != "failure" ? "no failure" : "";
    }

    TemporaryFolder folder_;
    std::string file_;
    World world{1};
};

TEST_F(RefusalLogTest, AFailedSignInNamesTheUserTheAddressAndTheRemedyOnce) {
    ASSERT_EQ(fail("bob", "guess-one"), "");
    ASSERT_EQ(fail("bob", "guess-two"), "");
    auto found = lines();
    ASSERT_EQ(found.size(), 1u);
    for (const auto* part : {"the sign-in of bob@example.com", "10.0.2.2:", "not-authorized", "parleyctl user passwd"})
        EXPECT_NE(found[0].find(part), std::string::npos) << found[0];
    world.executor.advance(61s);
    // Who types the password into the wrong field shall not find it in the log.
    ASSERT_EQ(fail("correct-horse", "x"), "");
    found = lines();
    EXPECT_NE(found.back().find("more like this"), std::string::npos) << found.back();
    for (const auto& line : found)
        for (const auto* secret : {"guess-one", "guess-two", "correct-horse"})
            EXPECT_EQ(line.find(secret), std::string::npos) << line;
}

TEST_F(RefusalLogTest, AServerOfADomainThatIsNotAllowedIsNamedWithTheCommandThatAllowsIt) {
    PeerServer montague(world.network, world.executor, "montague.example", "10.0.2.9");
    EXPECT_NE(montague.say("<presence/>", "example.com"), "");
    const auto found = lines();
    ASSERT_FALSE(found.empty());
    for (const auto* part : {"the server of montague.example", "10.0.2.9:", "policy-violation",
                             "parleyctl federation allow montague.example --via xmpp"})
        EXPECT_NE(found[0].find(part), std::string::npos) << found[0];
}

TEST_F(RefusalLogTest, AFloodOfRefusalsIsNotAFloodOfLines) {
    for (int i = 0; i < 200; ++i) {
        PeerServer made_up(world.network, world.executor, "d" + std::to_string(i) + ".example", "10.0.2.9");
        EXPECT_NE(made_up.say("<presence/>", "example.com"), "");
    }
    EXPECT_EQ(lines().size(), 1u);
}

}  // namespace
}  // namespace parley::test
