#include "server/native_clients.hpp"

#include <gtest/gtest.h>

#include "xml/parser.hpp"

namespace parley::server {
namespace {

xmpp::Stanza presence(std::string_view children) {
    auto element = xml::parse_document("<presence xmlns='jabber:client' from='a@b.example'>" + std::string(children) +
                                       "</presence>");
    EXPECT_TRUE(element.has_value());
    return *xmpp::Stanza::decode(*std::move(element));
}

TEST(ForClient, ATextThatAGatewayAddedIsForOtherThanNativeClients) {
    const auto marked = presence(
        "<show>away</show><busy xmlns='urn:parley:presence:0'/><status>Busy</status>"
        "<added-status xmlns='urn:parley:presence:0'/>");
    const auto native = for_client(marked, true), other = for_client(marked, false);
    ASSERT_TRUE(native && other);
    EXPECT_EQ(*native, presence("<show>away</show><busy xmlns='urn:parley:presence:0'/>"));
    EXPECT_EQ(*other, presence("<show>away</show><busy xmlns='urn:parley:presence:0'/><status>Busy</status>"));
}

TEST(ForClient, ATextOfTheContactStaysAsItIs) {
    EXPECT_FALSE(for_client(presence("<show>away</show><status>Back at 5</status>"), true));
    EXPECT_FALSE(for_client(presence(""), false));
}

}  // namespace
}  // namespace parley::server
