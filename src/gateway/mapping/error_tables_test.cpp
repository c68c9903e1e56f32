#include "gateway/mapping/error_tables.hpp"

#include <set>

#include <gtest/gtest.h>

namespace parley::gateway {
namespace {

TEST(ErrorTables, XmppToSip) {
    struct Case {
        std::string_view condition;
        int full, bare, microsoft;
    };
    const auto& simple = *find_profile("simple");
    const auto& ocs = *find_profile("ocs");
    std::set<std::string_view> seen;
    for (const auto& c : {
             Case{"bad-request", 400, 400, 400},
             Case{"conflict", 400, 400, 480},
             Case{"jid-malformed", 400, 400, 400},
             Case{"feature-not-implemented", 405, 501, 501},
             Case{"forbidden", 403, 603, 403},
             Case{"gone", 410, 410, 410},
             Case{"internal-server-error", 500, 500, 500},
             Case{"resource-constraint", 500, 500, 500},
             Case{"item-not-found", 404, 604, 404},
             Case{"not-acceptable", 406, 606, 406},
             Case{"not-authorized", 401, 401, 403},
             Case{"subscription-required", 400, 400, 403},
             Case{"undefined-condition", 400, 400, 480},
             Case{"policy-violation", 403, 403, 403},
             Case{"not-allowed", 403, 403, 403},
             Case{"recipient-unavailable", 480, 600, 480},
             Case{"redirect", 302, 302, 302},
             Case{"registration-required", 407, 407, 403},
             Case{"remote-server-not-found", 404, 404, 404},
             Case{"remote-server-timeout", 408, 408, 408},
             Case{"service-unavailable", 403, 403, 403},
             Case{"unexpected-request", 491, 491, 491},
             Case{"a-condition-of-tomorrow", 400, 400, 480},
         }) {
        SCOPED_TRACE(c.condition);
        seen.insert(c.condition);
        EXPECT_EQ(to_sip_status(c.condition, Addressee::full, simple), c.full);
        EXPECT_EQ(to_sip_status(c.condition, Addressee::bare, simple), c.bare);
        EXPECT_EQ(to_sip_status(c.condition, Addressee::bare, ocs), c.microsoft);
        for (const auto addressee : {Addressee::full, Addressee::bare}) {
            const auto status = to_sip_status(c.condition, addressee, ocs);
            EXPECT_LT(status, 600);
            EXPECT_TRUE(status != 400 || c.condition == "bad-request" || c.condition == "jid-malformed");
            EXPECT_TRUE(status != 401 && status != 407);
        }
    }
    for (const auto& row : error_table()) EXPECT_TRUE(seen.contains(row.condition)) << row.condition;
    EXPECT_EQ(error_table().size(), 22u) << "RFC 6120 8.3.3 has 22 conditions";
    EXPECT_EQ(to_sip_status("gone", Addressee::bare, simple, true), 301);
}

TEST(ErrorTables, SipToXmpp) {
    struct Case {
        std::string_view condition;
        std::vector<int> statuses;
    };
    for (const auto& c : {
             Case{"redirect", {300, 302, 305, 399}},
             Case{"gone", {301, 410}},
             Case{"not-acceptable", {380, 406, 415, 416, 421, 482, 483, 488, 505, 606}},
             Case{"bad-request", {400, 402, 493, 422, 499}},
             Case{"not-authorized", {401}},
             Case{"forbidden", {403}},
             Case{"item-not-found", {404, 481, 484, 485, 604}},
             Case{"feature-not-implemented", {405, 420, 439, 501}},
             Case{"registration-required", {407}},
             Case{"remote-server-timeout", {408, 504}},
             Case{"policy-violation", {413, 414, 440, 489, 513}},
             Case{"resource-constraint", {423}},
             Case{"recipient-unavailable", {430, 480, 486, 487, 600, 603, 699}},
             Case{"unexpected-request", {491}},
             Case{"internal-server-error", {500, 503, 580}},
             Case{"remote-server-not-found", {502}},
             Case{"undefined-condition", {0, 100, 200, 700, -1}},
         }) {
        for (const int status : c.statuses) {
            SCOPED_TRACE(status);
            EXPECT_EQ(to_condition(status), c.condition);
        }
    }
}

// A condition that XMPP does not know would be an invalid stanza.
TEST(ErrorTables, EveryStatusHasACondition) {
    for (int status = 300; status < 700; ++status) {
        const auto error = to_stanza_error(status, "text");
        EXPECT_TRUE(std::any_of(error_table().begin(), error_table().end(), [&](const ErrorRow& row) {
            return row.condition == error.condition;
        })) << status;
        EXPECT_EQ(error.text, "text");
    }
    EXPECT_EQ(to_stanza_error(480).type, xmpp::StanzaError::Type::wait);
    EXPECT_EQ(to_stanza_error(403).type, xmpp::StanzaError::Type::auth);
}

TEST(ErrorTables, TheTextSaysWhyAsFarAsThePeerSaysIt) {
    struct Case {
        int status;
        std::string_view phrase, diagnostics, warning, text;
    };
    for (const auto& c : {
             Case{480, "Temporarily Unavailable", "", "", "The partner answered 480 (Temporarily Unavailable)"},
             Case{480, "", "", "", "The partner answered 480"},
             Case{504, "Server time-out", "1010;reason=\"Certificate trust failed\";tls-target=\"x\"",
                  "399 h \"other\"", "The partner answered 504 (Server time-out): Certificate trust failed"},
             Case{606, "Not Acceptable", "1034;source=\"x\"", "309 host \"Blocked by the administrator\"",
                  "The partner answered 606 (Not Acceptable): Blocked by the administrator"},
             Case{400, "Bad\r\n\x01", "1;reason=\"unfinished", "399 \"\\\"",
                  "The partner answered 400 (Bad\n\xef\xbf\xbd)"},
         }) {
        SCOPED_TRACE(c.text);
        EXPECT_EQ(error_text(c.status, c.phrase, c.diagnostics, c.warning), c.text);
    }
    EXPECT_LE(error_text(500, std::string(5000, 'x'), "", "").size(), 256u);
}

TEST(ErrorTables, OfAResponse) {
    auto response = sip::Message::response(403, "Forbidden");
    response.add(sip::HeaderId::ms_diagnostics_public, "1034;reason=\"Previous hop federated peer did not report\"");
    const auto error = to_stanza_error(response);
    EXPECT_EQ(error.condition, "forbidden");
    EXPECT_EQ(error.text, "The partner answered 403 (Forbidden): Previous hop federated peer did not report");
}

}  // namespace
}  // namespace parley::gateway
