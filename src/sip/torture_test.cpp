#include "sip/testdata/torture.hpp"

#include <gtest/gtest.h>

#include "sip/framer.hpp"
#include "sip/header/content_type.hpp"
#include "sip/header/cseq.hpp"
#include "sip/header/name_addr.hpp"
#include "sip/header/numbers.hpp"
#include "sip/header/tokens.hpp"
#include "sip/header/via.hpp"
#include "sip/message.hpp"

namespace parley::sip {
namespace {

// What happens to each of the 49 messages of RFC 4475 when it comes over a TLS connection. 400 and 505 are what the
// codec itself makes us answer; what the core answers to those that are accepted here is in core_torture_test.cpp.
enum class Verdict { accepted, answered, discarded, incomplete, broken };
struct Case {
    std::string_view name, section;
    Verdict verdict;
    int status = 0;
    std::string_view phrase = {};
};

constexpr Case cases[] = {
    {"wsinv", "3.1.1.1", Verdict::accepted},
    {"intmeth", "3.1.1.2", Verdict::accepted},
    {"esc01", "3.1.1.3", Verdict::accepted},
    {"escnull", "3.1.1.4", Verdict::accepted},
    {"esc02", "3.1.1.5", Verdict::accepted},
    {"lwsdisp", "3.1.1.6", Verdict::accepted},
    {"longreq", "3.1.1.7", Verdict::accepted},
    {"dblreq", "3.1.1.8", Verdict::accepted},
    {"semiuri", "3.1.1.9", Verdict::accepted},
    {"transports", "3.1.1.10", Verdict::accepted},
    {"mpart01", "3.1.1.11", Verdict::accepted},
    {"unreason", "3.1.1.12", Verdict::accepted},
    {"noreason", "3.1.1.13", Verdict::accepted},
    {"badinv01", "3.1.2.1", Verdict::answered, 400, "Bad Via"},
    {"clerr", "3.1.2.2", Verdict::incomplete},  // on a stream the rest of the body may still come
    {"ncl", "3.1.2.3", Verdict::broken, 400, "Bad Content-Length"},
    {"scalar02", "3.1.2.4", Verdict::answered, 400, "Bad CSeq"},
    {"scalarlg", "3.1.2.5", Verdict::discarded},
    {"quotbal", "3.1.2.6", Verdict::answered, 400, "Bad To"},
    {"ltgtruri", "3.1.2.7", Verdict::answered, 400, "Bad Request-URI"},
    {"lwsruri", "3.1.2.8", Verdict::answered, 400, "Bad Request-URI"},
    {"lwsstart", "3.1.2.9", Verdict::answered, 400, "Bad Request-URI"},
    {"trws", "3.1.2.10", Verdict::answered, 400, "Bad Request Line"},
    {"escruri", "3.1.2.11", Verdict::answered, 400, "Bad Request-URI"},
    {"baddate", "3.1.2.12", Verdict::accepted},  // ignored, as the RFC allows: we use no Date
    {"regbadct", "3.1.2.13", Verdict::answered, 400, "Bad Contact"},
    {"badaspec", "3.1.2.14", Verdict::answered, 400, "Bad To"},
    {"baddn", "3.1.2.15", Verdict::answered, 400, "Bad From"},
    {"badvers", "3.1.2.16", Verdict::answered, 505, ""},
    {"mismatch01", "3.1.2.17", Verdict::answered, 400, "CSeq Method Mismatch"},
    {"mismatch02", "3.1.2.18", Verdict::answered, 400, "CSeq Method Mismatch"},
    {"bigcode", "3.1.2.19", Verdict::discarded},
    {"badbranch", "3.2.1", Verdict::accepted},
    {"insuf", "3.3.1", Verdict::answered, 400, "Missing From"},
    {"unkscm", "3.3.2", Verdict::accepted},   // 416 from the core
    {"novelsc", "3.3.3", Verdict::accepted},  // 416 from the core
    {"unksm2", "3.3.4", Verdict::accepted},
    {"bext01", "3.3.5", Verdict::accepted},  // 420 from the core
    {"invut", "3.3.6", Verdict::accepted},   // 415 from the core
    {"regaut01", "3.3.7", Verdict::accepted},
    {"multi01", "3.3.8", Verdict::answered, 400, "Repeated From"},
    {"mcl01", "3.3.9", Verdict::broken, 400, "Repeated Content-Length"},
    {"bcast", "3.3.10", Verdict::accepted},  // the core discards it: two Via, and the first is not ours
    {"zeromf", "3.3.11", Verdict::accepted},
    {"cparam01", "3.3.12", Verdict::accepted},
    {"cparam02", "3.3.13", Verdict::accepted},
    {"regescrt", "3.3.14", Verdict::accepted},
    {"sdp01", "3.3.15", Verdict::accepted},                                // 406 from the core
    {"inv2543", "3.4.1", Verdict::broken, 400, "Missing Content-Length"},  // legal in a datagram only
};
static_assert(std::size(cases) == 49);

Framer::Item frame(Framer& framer, std::string_view bytes, std::size_t piece) {
    for (;;) {
        framer.feed(bytes.substr(0, piece));
        bytes.remove_prefix(std::min(piece, bytes.size()));
        const auto item = framer.next();
        if (item.kind != Framer::Item::Kind::need_more || bytes.empty()) return item;
    }
}

TEST(Torture, EveryMessageOfRfc4475HasItsVerdict) {
    for (const auto& c : cases) {
        for (const std::size_t piece : {std::size_t{100'000}, std::size_t{1}, std::size_t{7}}) {
            SCOPED_TRACE(std::string(c.name) + " in pieces of " + std::to_string(piece));
            // The keep-alive behind it completes multi01, whose Content-Length in the RFC is two more than its body.
            const auto bytes = test::load_torture(c.name) + "\r\n";
            ASSERT_GT(bytes.size(), 2u);
            Framer framer;
            const auto item = frame(framer, bytes, piece);
            if (c.verdict == Verdict::incomplete) {
                EXPECT_EQ(item.kind, Framer::Item::Kind::need_more);
                continue;
            }
            if (c.verdict == Verdict::broken) {
                ASSERT_EQ(item.kind, Framer::Item::Kind::fatal);
                EXPECT_EQ(item.problem, (Problem{c.status, std::string(c.phrase)}));
                ASSERT_TRUE(parse_head(item.bytes));  // enough for a 400
                EXPECT_FALSE(parse_head(item.bytes)->message.header(HeaderId::call_id).empty());
                continue;
            }
            ASSERT_EQ(item.kind, Framer::Item::Kind::message);
            const auto parsed = parse_message(item.bytes);
            ASSERT_EQ(parsed.has_value(), c.verdict != Verdict::discarded);
            if (!parsed) continue;
            if (c.verdict == Verdict::accepted) {
                EXPECT_FALSE(parsed->problem) << parsed->problem->phrase;
            } else {
                ASSERT_TRUE(parsed->problem);
                EXPECT_EQ(parsed->problem->status, c.status);
                EXPECT_EQ(parsed->problem->phrase, c.phrase);
            }
            // What we would send on reads as the same message.
            const auto text = parsed->message.serialise();
            const auto again = parse_message(text);
            ASSERT_TRUE(again);
            EXPECT_EQ(again->message.body(), parsed->message.body());
            EXPECT_EQ(again->message.fields().size(),
                      parsed->message.fields().size() + (parsed->message.has(HeaderId::content_length) ? 0 : 1));
        }
    }
}

TEST(Torture, LengthsOfOurCopyAgree) {  // a check of our test data: Content-Length is the RFC's own
    for (const auto& c : cases) {
        if (c.name == "clerr" || c.name == "mcl01" || c.name == "ncl" || c.name == "inv2543" || c.name == "dblreq" ||
            c.name == "multi01")
            continue;
        SCOPED_TRACE(c.name);
        const auto bytes = test::load_torture(c.name);
        Framer framer;
        framer.feed(bytes);
        EXPECT_EQ(framer.next().bytes.size(), bytes.size());
    }
}

Message accepted(std::string_view name) {
    const auto bytes = test::load_torture(name);
    Framer framer;
    framer.feed(bytes);
    auto parsed = parse_message(framer.next().bytes);
    EXPECT_TRUE(parsed && !parsed->problem) << name;
    return parsed ? std::move(parsed->message) : Message{};
}

TEST(Torture, WhatTheRfcSaysTheMessagesContain) {
    const auto wsinv = accepted("wsinv");
    EXPECT_EQ(wsinv.method(), Method::invite);
    EXPECT_EQ(wsinv.fields().size(), 14u);
    EXPECT_EQ(parse_name_addr(wsinv.header(HeaderId::to))->tag(), "1918181833n");
    const auto from = parse_name_addr(wsinv.header(HeaderId::from));
    EXPECT_EQ(from->display_text(), "J Rosenberg \\\"");
    EXPECT_EQ(from->tag(), "98asjd8");
    EXPECT_EQ(parse_cseq(wsinv.header(HeaderId::cseq))->number, 9u);
    EXPECT_EQ(parse_max_forwards(wsinv.header(HeaderId::max_forwards)), 68);
    std::vector<std::string> branches;
    for (const auto line : wsinv.headers(HeaderId::via))
        for (const auto value : split_list(line)) branches.emplace_back(parse_via(value)->branch());
    EXPECT_EQ(branches, (std::vector<std::string>{"390skdjuw", "z9hG4bK9ikj8", "z9hG4bK30239"}));
    EXPECT_EQ(parse_name_addr(wsinv.header(HeaderId::contact))->params.get("q"), "0.33");

    const auto intmeth = accepted("intmeth");
    EXPECT_EQ(intmeth.method_text(), "!interesting-Method0123456789_*+`.%indeed'~");
    EXPECT_EQ(Uri::parse(intmeth.request_uri())->user(), "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*");
    EXPECT_EQ(parse_name_addr(intmeth.header(HeaderId::from))->tag(), "_token~1'+`*%!-.");
    EXPECT_EQ(parse_name_addr(intmeth.header(HeaderId::to))->display_text(), "");  // NUL, BEL, DEL are not for people

    const auto esc01 = accepted("esc01");
    EXPECT_EQ(unescape(Uri::parse(esc01.request_uri())->user()), "sips:user@example.com");
    EXPECT_EQ(Uri::parse(esc01.request_uri())->scheme(), Uri::Scheme::sip);
    EXPECT_TRUE(equivalent(parse_name_addr(esc01.header(HeaderId::to))->uri, *Uri::parse("sip:user@example.com")));

    const auto escnull = accepted("escnull");
    const auto null_user = parse_name_addr(escnull.header(HeaderId::to))->uri;
    EXPECT_EQ(unescape(null_user.user()), std::string("null-\0-null", 11));
    EXPECT_FALSE(equivalent(null_user, *Uri::parse("sip:null-@example.com")));
    EXPECT_FALSE(equivalent(parse_name_addr(escnull.headers(HeaderId::contact)[0])->uri,
                            parse_name_addr(escnull.headers(HeaderId::contact)[1])->uri));

    EXPECT_EQ(accepted("esc02").method(), Method::other);  // not REGISTER
    EXPECT_EQ(accepted("esc02").count(HeaderId::contact), 2u);
    EXPECT_EQ(parse_name_addr(accepted("lwsdisp").header(HeaderId::from))->display, "caller");
    EXPECT_EQ(accepted("longreq").count(HeaderId::via), 34u);
    EXPECT_EQ(Uri::parse(accepted("semiuri").request_uri())->user(), "user;par=u%40example.net");
    EXPECT_EQ(list_values(accepted("semiuri"), HeaderId::accept).size(), 6u);
    EXPECT_EQ(parse_content_type(accepted("mpart01").header(HeaderId::content_type))->params.get("boundary"),
              "7a9cbec02ceef655");
    EXPECT_EQ(accepted("unreason").status(), 200);
    EXPECT_EQ(accepted("noreason").reason_phrase(), "");
    EXPECT_FALSE(parse_via(accepted("badbranch").header(HeaderId::via))->has_rfc3261_branch());
    EXPECT_FALSE(is_sip_date(accepted("baddate").header(HeaderId::date)));
    EXPECT_TRUE(is_sip_date(accepted("mpart01").header(HeaderId::date)));
    EXPECT_TRUE(parse_name_addr(accepted("cparam01").header(HeaderId::contact))->params.has("unknownparam"));
    EXPECT_TRUE(parse_name_addr(accepted("cparam02").header(HeaderId::contact))->uri.param("unknownparam"));
    EXPECT_EQ(parse_name_addr(accepted("regescrt").header(HeaderId::contact))->uri.headers(),
              "Route=%3Csip:sip.example.com%3E");
}

TEST(Torture, TheSecondMessageOfDblreqIsFramedToo) {
    const auto bytes = test::load_torture("dblreq");
    Framer framer;
    framer.feed(bytes);
    EXPECT_EQ(parse_message(framer.next().bytes)->message.method(), Method::registration);
    EXPECT_EQ(parse_message(framer.next().bytes)->message.method(), Method::invite);
}

TEST(Torture, Inv2543IsLegalAsADatagram) {
    const auto parsed = parse_message(test::load_torture("inv2543"));
    ASSERT_TRUE(parsed);
    EXPECT_FALSE(parsed->problem);
    EXPECT_TRUE(parsed->message.body().starts_with("v=0\r\n"));
}

}  // namespace
}  // namespace parley::sip
