#include "server/s2s/posh_document.hpp"

#include <gtest/gtest.h>

#include "base/hash.hpp"
#include "base/text.hpp"

namespace parley::server {
namespace {

// RFC 7711 3.1, the second example, as it stands there but for the line breaks in digests.
constexpr std::string_view example = R"({
    "fingerprints": [
      {
        "sha-256": "4/mggdlVx8A3pvHAWW5sD+qJyMtUHgiRuPjVC48N0XQ",
        "sha-512": "25N+1hB2Vo42l9lSGqw+n3BKFhDHsyork8ou+D9B43TXeJ1J81mdQEDqm39oR/EHkPBDDG1y5+AG94Kec0xVqA=="
      },
      {
        "sha-256": "otyLADSKjRDjVpj8X7/hmCAD5C7Qe+PedcmYV7cUncE=",
        "sha-512": "MbBD+ausTGJisEXKSynROWrMfHP2xvBnmI79Pr/KXnDyLN+13Jof8/Uq9fj5HZG8Rk1E2fclcivpGdijUsvHRg=="
      }
    ],
    "expires": 806400
  })";

TEST(PoshDocument, TheExampleOfTheRfc) {
    const auto document = parse_posh(example);
    ASSERT_TRUE(document) << document.error().detail;
    EXPECT_FALSE(document->is_reference());
    EXPECT_EQ(document->expires, Seconds{806'400});
    ASSERT_EQ(document->sha256.size(), 2u);
    EXPECT_EQ(document->sha512.size(), 2u);
    EXPECT_EQ(base64_encode(document->sha256[0]), "4/mggdlVx8A3pvHAWW5sD+qJyMtUHgiRuPjVC48N0XQ=");
}

TEST(PoshDocument, AReference) {
    const auto document =
        parse_posh(R"({"url":"https://hosting.example.net/.well-known/posh/spice.json","expires":86400})");
    ASSERT_TRUE(document) << document.error().detail;
    EXPECT_EQ(document->url, "https://hosting.example.net/.well-known/posh/spice.json");
    EXPECT_EQ(document->expires, Seconds{86'400});
}

TEST(PoshDocument, NamesACertificateByEitherDigest) {
    const std::string certificate = "a certificate";
    const auto by = [](const std::string& name, const std::string& digest) {
        return parse_posh(R"({"fingerprints":[{")" + name + R"(":")" + digest + R"("}],"expires":1})");
    };
    const auto one = by("sha-256", base64_encode(sha256(certificate)));
    ASSERT_TRUE(one);
    EXPECT_TRUE(one->names(certificate));
    EXPECT_FALSE(one->names("another"));
    const auto other =
        by("sha-512", "24GbXL85Ot5bjT3SP7ICpJpqy9WjEC557nDFsk2H682hRrG73H8TgLp7OyxmFqmPkeJFIDXJ91+3dIySJ9AYnA==");
    ASSERT_TRUE(other);
    EXPECT_TRUE(other->names(certificate));
    EXPECT_FALSE(other->names("another"));
}

TEST(PoshDocument, WhatIsNone) {
    const std::string digest = base64_encode(std::string(32, 'x')), list = R"([{"sha-256":")" + digest + R"("}])";
    struct Case {
        const char* name;
        std::string text;
    };
    std::string many;
    for (int i = 0; i < 65; ++i) many += (i ? "," : "") + std::string(R"({"sha-256":")") + digest + "\"}";
    for (const auto& c : {
             Case{"nothing", ""},
             Case{"no JSON", "<html/>"},
             Case{"a list", "[]"},
             Case{"empty", "{}"},
             Case{"no expires", R"({"fingerprints":)" + list + "}"},
             Case{"expires is text", R"({"fingerprints":)" + list + R"(,"expires":"1"})"},
             Case{"expires is no whole number", R"({"fingerprints":)" + list + R"(,"expires":1.5})"},
             Case{"expired: RFC 7711 3.1", R"({"fingerprints":)" + list + R"(,"expires":0})"},
             Case{"expires is negative", R"({"fingerprints":)" + list + R"(,"expires":-1})"},
             Case{"both kinds", R"({"fingerprints":)" + list + R"(,"url":"https://a.example/","expires":1})"},
             Case{"neither kind", R"({"expires":1})"},
             Case{"an empty list", R"({"fingerprints":[],"expires":1})"},
             Case{"no list", R"({"fingerprints":{},"expires":1})"},
             Case{"a fingerprint that is text", R"({"fingerprints":["x"],"expires":1})"},
             Case{"an unknown digest", R"({"fingerprints":[{"md5":"eA=="}],"expires":1})"},
             Case{"a digest that is too short", R"({"fingerprints":[{"sha-256":"eHh4"}],"expires":1})"},
             Case{"a digest that is no base64", R"({"fingerprints":[{"sha-256":"***"}],"expires":1})"},
             Case{"too many", R"({"fingerprints":[)" + many + R"(],"expires":1})"},
             Case{"an empty url", R"({"url":"","expires":1})"},
             Case{"nested too deep", R"({"expires":1,"a":)" + std::string(50, '[') + std::string(50, ']') + "}"},
         })
        EXPECT_FALSE(parse_posh(c.text)) << c.name;
    const auto forever = parse_posh(R"({"fingerprints":)" + list + R"(,"expires":18446744073709551615})");
    ASSERT_TRUE(forever);
    EXPECT_EQ(forever->expires, Seconds{366 * 86'400});
}

}  // namespace
}  // namespace parley::server
