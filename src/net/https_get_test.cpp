#include "net/https_get.hpp"

#include <gtest/gtest.h>

namespace parley::net {
namespace {

TEST(HttpsUrl, WhatWeFollow) {
    struct Case {
        std::string_view text;
        std::optional<HttpsUrl> url;
    };
    for (const auto& c : {
             Case{"https://hosting.example.net/.well-known/posh/spice.json",
                  HttpsUrl{"hosting.example.net", 443, "/.well-known/posh/spice.json"}},
             Case{"HTTPS://Example.com", HttpsUrl{"example.com", 443, "/"}},
             Case{"https://example.com:8443/a?b=c#d", HttpsUrl{"example.com", 8443, "/a?b=c"}},
             Case{"https://example.com?a", HttpsUrl{"example.com", 443, "/?a"}},
             Case{"http://example.com/", std::nullopt},
             Case{"https://", std::nullopt},
             Case{"https:///a", std::nullopt},
             Case{"https://user@example.com/", std::nullopt},
             Case{"https://user:1@example.com/", std::nullopt},
             Case{"https://example.com./", HttpsUrl{"example.com", 443, "/"}},
             Case{"https://example.com../", std::nullopt},
             Case{"https://.example.com/", std::nullopt},
             Case{"https://a..example.com/", std::nullopt},
             Case{"https://192.0.2.1/", std::nullopt},
             Case{"https://[2001:db8::1]/", std::nullopt},
             Case{"https://example.com:0/", std::nullopt},
             Case{"https://example.com:70000/", std::nullopt},
             Case{"https://example.com:/", std::nullopt},
             Case{"https://example.com/a b", std::nullopt},
             Case{"https://example.com/\r\nHost: evil.example", std::nullopt},
             Case{"https://exa\xc3\xa4mple.com/", std::nullopt},
             Case{"/a", std::nullopt},
             Case{"", std::nullopt},
         })
        EXPECT_EQ(parse_https_url(c.text), c.url) << c.text;
    EXPECT_FALSE(parse_https_url("https://example.com/" + std::string(2'048, 'a')));
}

}  // namespace
}  // namespace parley::net
