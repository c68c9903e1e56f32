#include "net/tlsa.hpp"

#include "base/text.hpp"
#include "net/dane.hpp"
#include "net/loopback_test.hpp"

namespace parley::net {
namespace {

std::string bytes(std::string_view hex) {
    return hex_decode(hex).value();
}

std::string digest(std::size_t size) {
    return std::string(size, '\x5a');
}

struct RecordCase {
    const char* name;
    std::string rdata;
    bool parses, usable;
};

TEST(Tlsa, WhatIsARecordAndWhatCanBeUsed) {
    for (const auto& c : {
             // RFC 6698 2.3, the first three examples.
             RecordCase{"0 0 1", bytes("000001d2abde240d7cd3ee6b4b28c54df034b97983a1d16e8a410e4561cb106618e971"), true,
                        true},
             RecordCase{"1 1 2",
                        bytes("01010292003ba34942dc74152e2f2c408d29eca5a520e7f2e06bb944f4dca346baf63c1b177615d466f6c4b7"
                              "1c216a50292bd58c9ebdd2f74e38fe51ffd48c43326cbc"),
                        true, true},
             RecordCase{"3 0 0, which is no certificate", bytes("03000030820307308201efa0030201020201"), true, false},
             RecordCase{"3 1 1", bytes("030101") + digest(32), true, true},
             RecordCase{"a digest that is too short", bytes("030101") + digest(31), true, false},
             RecordCase{"a digest that is too long", bytes("030101") + digest(33), true, false},
             RecordCase{"SHA-256 where SHA-512 is said", bytes("030102") + digest(32), true, false},
             RecordCase{"a usage that nobody knows", bytes("040101") + digest(32), true, false},
             RecordCase{"private use", bytes("ff0101") + digest(32), true, false},
             RecordCase{"a selector that nobody knows", bytes("030201") + digest(32), true, false},
             RecordCase{"a matching type that nobody knows", bytes("030103") + digest(32), true, false},
             RecordCase{"no data", bytes("030101"), false, false},
             RecordCase{"two bytes", bytes("0301"), false, false},
             RecordCase{"nothing", "", false, false},
             RecordCase{"longer than any certificate", bytes("030000") + digest(20'000), false, false},
         }) {
        SCOPED_TRACE(c.name);
        const auto record = parse_tlsa(c.rdata);
        ASSERT_EQ(record.has_value(), c.parses);
        EXPECT_EQ(record && is_usable(*record), c.usable);
    }
}

TEST(Tlsa, IsWrittenAsInAZoneFile) {
    EXPECT_EQ(to_string({3, 1, 1, "\x01\xab"}), "3 1 1 01ab");
    EXPECT_EQ(tlsa_name("xmpp23.hosting.example.net", 5269), "_5269._tcp.xmpp23.hosting.example.net");
}

// A chain in DER, with what is published of it.
class Dane : public testing::Test {
protected:
    static std::string der_of(const TestIdentity& identity) {
        Pair pair;
        pair.secure(identity.context(), anonymous());
        const auto shown = on_loop(pair.client_loop, [&] { return pair.client.connection->peer_certificates(); });
        EXPECT_EQ(shown.size(), 1u);
        return shown.empty() ? "" : shown.front();
    }

    const TestIdentity identity_{"example.com"}, other_{"example.net"};
    const std::string ours_ = der_of(identity_), theirs_ = der_of(other_);
    const std::shared_ptr<TlsContext> nobody_ = anonymous(), trusting_ = anonymous(identity_.certificate);

    bool matches(std::vector<TlsaRecord> records, const std::shared_ptr<TlsContext>& context) const {
        return check_tlsa(usable(std::move(records)), {ours_}, *context, false).matches;
    }
};

TEST_F(Dane, TheKeyIsProvenWhateverTheCertificateSays) {
    const auto record = tlsa_for_key_of(ours_);
    ASSERT_TRUE(record);
    const auto verdict = check_tlsa({*record}, {ours_}, *nobody_, false);
    EXPECT_TRUE(verdict.matches) << verdict.detail;
    EXPECT_FALSE(verdict.name_counts);
    EXPECT_EQ(verdict.detail, "3 1 1");
    EXPECT_TRUE(check_tlsa({*record}, {ours_}, *nobody_, true).matches) << "as client too";
    EXPECT_FALSE(check_tlsa({*record}, {theirs_}, *nobody_, false).matches);
    EXPECT_FALSE(check_tlsa({*record}, {theirs_, ours_}, *nobody_, false).matches) << "the peer's own is the first";
}

TEST_F(Dane, EveryUsageAndMatchingType) {
    const auto key = *tlsa_for_key_of(ours_), wrong = *tlsa_for_key_of(theirs_);
    EXPECT_TRUE(matches({{3, 0, 0, ours_}}, nobody_));
    EXPECT_FALSE(matches({{3, 0, 0, theirs_}}, nobody_));
    EXPECT_TRUE(matches({wrong, key}, nobody_));
    EXPECT_FALSE(matches({wrong}, nobody_));
    // PKIX-EE: the record and a trusted CA.
    EXPECT_FALSE(matches({{1, 1, 1, key.data}}, nobody_));
    EXPECT_TRUE(matches({{1, 1, 1, key.data}}, trusting_));
    EXPECT_FALSE(matches({{1, 1, 1, wrong.data}}, trusting_));
    // The usages of an authority are about those above the certificate, of which there is none.
    EXPECT_FALSE(matches({{0, 1, 1, key.data}}, trusting_));
    EXPECT_FALSE(matches({{2, 1, 1, key.data}}, nobody_));
}

TEST_F(Dane, NothingIsProvenByNothing) {
    EXPECT_FALSE(matches({}, trusting_));
    EXPECT_FALSE(matches({{9, 1, 1, digest(32)}}, trusting_));
    const auto key = *tlsa_for_key_of(ours_);
    EXPECT_EQ(check_tlsa({key}, {}, *nobody_, false).detail, "no certificate was shown");
    EXPECT_FALSE(check_tlsa({key}, {"no certificate"}, *nobody_, false).matches);
    EXPECT_FALSE(tlsa_for_key_of("no certificate"));
    EXPECT_TRUE(check_tlsa({{1, 1, 1, key.data}}, {ours_}, *trusting_, false).name_counts);
}

TEST_F(Dane, DatesCountForAllButTheKeyAlone) {
    SelfSignedSettings past{{"example.com"}, {}, {}};
    past.starts_in_days = -10;
    past.days_valid = 5;
    const TestIdentity expired{past};
    const auto shown = der_of(expired);
    const auto key = *tlsa_for_key_of(shown);
    EXPECT_TRUE(check_tlsa({key}, {shown}, *nobody_, false).matches);
    const auto verdict = check_tlsa({{1, 1, 1, key.data}}, {shown}, *anonymous(expired.certificate), false);
    EXPECT_FALSE(verdict.matches);
    EXPECT_EQ(verdict.detail, "certificate has expired");
}

}  // namespace
}  // namespace parley::net
