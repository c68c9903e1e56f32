#include "sip/framer.hpp"

#include <gtest/gtest.h>

#include "sip/limits.hpp"

namespace parley::sip {
namespace {

using Kind = Framer::Item::Kind;

constexpr std::string_view start = "OPTIONS sip:a@b SIP/2.0\r\n";

TEST(Framer, RefusesWhatTwoParsersCouldCutDifferently) {
    struct Case {
        std::string_view rest;
        Kind kind;
        int status = 0;
        std::string_view phrase = {};
    };
    using namespace std::string_view_literals;
    for (const auto& c : {
             Case{"Content-Length: 0\r\n\r\n", Kind::message},
             Case{"l:0\r\n\r\n", Kind::message},
             Case{"content-length : 2\r\n\r\nab", Kind::message},
             Case{"Content-Length: 2\r\n\r\na", Kind::need_more},
             Case{"Content-Length: 0\r\n", Kind::need_more},
             Case{"\r\n", Kind::fatal, 400, "Missing Content-Length"},
             Case{"Content-Length: 0\r\nl: 0\r\n\r\n", Kind::fatal, 400, "Repeated Content-Length"},
             Case{"Content-Length:\r\n 0\r\n\r\n", Kind::fatal, 400, "Bad Content-Length"},
             Case{"Content-Length: 1\r\n 0\r\n\r\n", Kind::fatal, 400, "Folded Content-Length"},
             Case{"Content-Length: +1\r\n\r\n", Kind::fatal, 400, "Bad Content-Length"},
             Case{"Content-Length: -1\r\n\r\n", Kind::fatal, 400, "Bad Content-Length"},
             Case{"Content-Length: 1 2\r\n\r\n", Kind::fatal, 400, "Bad Content-Length"},
             Case{"Content-Length: 0x1\r\n\r\n", Kind::fatal, 400, "Bad Content-Length"},
             Case{"Content-Length: 18446744073709551617\r\n\r\n", Kind::fatal, 400, "Bad Content-Length"},
             Case{"Content-Length: 65537\r\n\r\n", Kind::fatal, 413, ""},
             Case{"Via: x\nContent-Length: 0\r\n\r\n", Kind::fatal, 400, "Bare LF"},
             Case{"Via: x\rContent-Length: 0\r\n\r\n", Kind::fatal, 400, "Bare CR"},
             Case{"Subject: a\0b\r\n"sv, Kind::fatal, 400, "NUL"},
             Case{"Subject: a\\\0b\r\n"sv, Kind::fatal, 400, "NUL"},
             Case{"To: \"a\\\0b\" <sip:a@b>\r\nl: 0\r\n\r\n"sv, Kind::message},
             Case{"To: \"a\0b\" <sip:a@b>\r\nl: 0\r\n\r\n"sv, Kind::fatal, 400, "NUL"},
         }) {
        SCOPED_TRACE(c.rest);
        const auto text = std::string(start).append(c.rest);
        Framer whole;
        whole.feed(text);
        const auto item = whole.next();
        EXPECT_EQ(item.kind, c.kind);
        EXPECT_EQ(item.problem.status, c.status);
        EXPECT_EQ(item.problem.phrase, c.phrase);
        Framer dripping;
        auto last = Kind::need_more;
        for (const char byte : text) {
            dripping.feed({&byte, 1});
            last = dripping.next().kind;
            if (last != Kind::need_more) break;
        }
        EXPECT_EQ(last, c.kind);
    }
}

TEST(Framer, SkipsKeepAlivesBeforeAndBetweenMessages) {
    Framer framer;
    const auto message = std::string(start) + "Content-Length: 2\r\n\r\nhi";
    framer.feed("\r\n\r\n" + message + "\r\n\r\n" + message + "\r");
    EXPECT_EQ(framer.next().bytes, message);
    EXPECT_EQ(framer.next().bytes, message);
    EXPECT_EQ(framer.next().kind, Kind::need_more);
    framer.feed("\n" + message);
    EXPECT_EQ(framer.next().bytes, message);
    EXPECT_EQ(framer.buffered(), 0u);
}

TEST(Framer, StaysFatal) {
    Framer framer;
    framer.feed("OPTIONS\n");
    EXPECT_EQ(framer.next().kind, Kind::fatal);
    framer.feed(std::string(start) + "Content-Length: 0\r\n\r\n");
    EXPECT_EQ(framer.next().kind, Kind::fatal);
}

TEST(Framer, HasItsLimits) {
    const auto kind = [](const std::string& text) {
        Framer framer;
        framer.feed(text);
        return framer.next().kind;
    };
    const std::string head(start);
    EXPECT_EQ(kind(head + "X: " + std::string(limit::header_line - 4, 'x') + "\r\nl: 0\r\n\r\n"), Kind::message);
    EXPECT_EQ(kind(head + "X: " + std::string(limit::header_line, 'x')), Kind::fatal);
    std::string lines;
    for (std::size_t i = 0; i + 1 < limit::header_fields; ++i) lines += "X: y\r\n";
    EXPECT_EQ(kind(head + lines + "l: 0\r\n\r\n"), Kind::message);
    EXPECT_EQ(kind(head + lines + "X: y\r\nl: 0\r\n\r\n"), Kind::fatal);
    std::string large;
    while (large.size() < limit::head) large += "X: " + std::string(8000, 'x') + "\r\n";
    EXPECT_EQ(kind(head + large), Kind::fatal);
}

}  // namespace
}  // namespace parley::sip
