#include "sip/body/pidf.hpp"

#include <gtest/gtest.h>

namespace parley::sip {
namespace {

using Basic = Pidf::Basic;
using Tokens = std::vector<std::string>;

Pidf decoded(std::string_view document) {
    auto pidf = decode_pidf(document);
    EXPECT_TRUE(pidf.has_value()) << (pidf ? "" : pidf.error().detail) << "\n" << document;
    return pidf ? *std::move(pidf) : Pidf{};
}

std::string in_status(std::string_view status) {
    return "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='sip:a@example.com'><tuple id='x'><status>" +
           std::string(status) + "</status></tuple></presence>";
}

// The second document of RFC 3863 4.2.2 in substance: prefixes, a foreign status, contact with priority, two notes, a
// stamp.
TEST(Pidf, ReadsTheDocumentOfRfc3863) {
    const auto pidf = decoded(R"(<?xml version="1.0" encoding="UTF-8"?>
<impp:presence xmlns:impp="urn:ietf:params:xml:ns:pidf" xmlns:im="urn:ietf:params:xml:ns:pidf:im"
    xmlns:myex="http://id.example.com/presence/" entity="pres:someone@example.com">
  <impp:tuple id="bs35r9">
    <impp:status><impp:basic>open</impp:basic><im:im>busy</im:im><myex:location>home</myex:location></impp:status>
    <impp:contact priority="0.8">im:someone@mobilecarrier.net</impp:contact>
    <impp:note xml:lang="en">Don't Disturb Please!</impp:note>
    <impp:note xml:lang="fr">Ne derangez pas, s'il vous plait</impp:note>
    <impp:timestamp>2001-10-27T16:49:29Z</impp:timestamp>
  </impp:tuple>
  <impp:tuple id="eg92n8"><impp:status><impp:basic>open</impp:basic></impp:status>
    <impp:contact priority="1.0">mailto:someone@example.com</impp:contact></impp:tuple>
  <impp:note>I'll be in Tokyo next week</impp:note>
</impp:presence>)");
    EXPECT_EQ(pidf.entity, "pres:someone@example.com");
    EXPECT_EQ(pidf.entity_address(), "someone@example.com");
    ASSERT_EQ(pidf.tuples.size(), 2u);
    const auto& tuple = pidf.tuples[0];
    EXPECT_EQ(tuple.id, "bs35r9");
    EXPECT_EQ(tuple.basic, Basic::open);
    EXPECT_EQ(tuple.contact, "im:someone@mobilecarrier.net");
    EXPECT_EQ(tuple.priority, 800);
    EXPECT_EQ(tuple.notes,
              (std::vector<Pidf::Note>{{"Don't Disturb Please!", "en"}, {"Ne derangez pas, s'il vous plait", "fr"}}));
    EXPECT_EQ(tuple.timestamp, "2001-10-27T16:49:29Z");
    EXPECT_EQ(pidf.tuples[1].priority, 1000);
    EXPECT_EQ(pidf.notes, (std::vector<Pidf::Note>{{"I'll be in Tokyo next week", ""}}));
}

// RFC 4480 4 in substance: person and device of RFC 4479, activities as elements, user-input.
TEST(Pidf, ReadsThePersonOfRfc4480) {
    const auto pidf = decoded(R"(<presence xmlns="urn:ietf:params:xml:ns:pidf"
    xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="pres:a@example.com">
  <tuple id="bs35r9"><status><basic>open</basic></status><dm:deviceID>urn:device:0</dm:deviceID>
    <rpid:relationship><rpid:self/></rpid:relationship><contact priority="0.8">im:a@m.example.net</contact></tuple>
  <dm:person id="p1">
    <rpid:activities from="2005-05-30T12:00:00+05:00" until="2005-05-30T17:00:00+05:00"><rpid:note>Far away</rpid:note>
      <rpid:away/><rpid:on-the-phone/></rpid:activities>
    <rpid:mood><rpid:angry/></rpid:mood>
    <rpid:user-input idle-threshold="600" last-input="2004-10-21T13:20:00-05:00">idle</rpid:user-input>
    <dm:note>Scoring 120</dm:note><dm:timestamp>2005-05-30T16:09:44+05:00</dm:timestamp></dm:person>
  <dm:device id="pc147"><rpid:user-input>active</rpid:user-input><dm:deviceID>mac:8asd7d7d70</dm:deviceID><dm:note>PC</dm:note></dm:device>
</presence>)");
    ASSERT_EQ(pidf.persons.size(), 1u);
    const auto& person = pidf.persons[0];
    EXPECT_EQ(person.activities, (Tokens{"away", "on-the-phone"}));
    EXPECT_EQ(person.idle, true);
    EXPECT_EQ(person.last_input, "2004-10-21T13:20:00-05:00");
    EXPECT_EQ(person.notes, (std::vector<Pidf::Note>{{"Far away", ""}, {"Scoring 120", ""}}));
    EXPECT_EQ(person.timestamp, "2005-05-30T16:09:44+05:00");
    ASSERT_EQ(pidf.devices.size(), 1u);
    EXPECT_EQ(pidf.devices[0], (Pidf::Device{"pc147", "mac:8asd7d7d70", {{"PC", ""}}}));
}

// What servers of the OCS family send to a partner: drafts' namespaces, the activity as text, a display name at the
// end.
TEST(Pidf, ReadsTheDraftForm) {
    const auto pidf = decoded(R"(<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:ep="urn:ietf:params:xml:ns:pidf:status:rpid-status"
          xmlns:ci="urn:ietf:params:xml:ns:pidf:cipid" entity="sip:alice@contoso.com">
 <tuple id="0"><status><basic>open</basic>
  <ep:activities><ep:activity>away</ep:activity></ep:activities></status></tuple>
 <ci:display-name>Alice</ci:display-name></presence>)");
    ASSERT_EQ(pidf.tuples.size(), 1u);
    EXPECT_EQ(pidf.tuples[0].id, "0");
    EXPECT_EQ(pidf.tuples[0].basic, Basic::open);
    EXPECT_EQ(pidf.tuples[0].activities, Tokens{"away"});
    EXPECT_EQ(pidf.display_name, "Alice");
}

TEST(Pidf, ToleratesWhatPeersDo) {
    // No scheme in the entity, as one community sends it.
    EXPECT_EQ(decoded("<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='name@aol.com'/>").entity_address(),
              "name@aol.com");
    // The namespace with the final colon, no entity at all, a comment and white space around.
    const auto odd = decoded(
        "\n<!-- hello --><presence xmlns='urn:ietf:params:xml:ns:pidf:'><tuple><status><basic> Closed "
        "</basic></status></tuple></presence>\n\n");
    ASSERT_EQ(odd.tuples.size(), 1u);
    EXPECT_EQ(odd.tuples[0].basic, Basic::closed);
    // RFC 8048: the show element itself; a value that XMPP does not know is none.
    EXPECT_EQ(decoded(in_status("<basic>open</basic><show xmlns='jabber:client'>xa</show>")).tuples.at(0).show, "xa");
    EXPECT_EQ(decoded(in_status("<show xmlns='jabber:client'>gone fishing</show>")).tuples.at(0).show, "");
    // A status that says nothing of open or closed.
    EXPECT_EQ(decoded(in_status("<basic>maybe</basic>")).tuples.at(0).basic, std::nullopt);
}

TEST(Pidf, PriorityIsADecimalUpToOne) {
    struct Case {
        std::string_view text;
        std::optional<int> value;
    };
    for (const auto& c :
         {Case{"0", 0}, Case{"0.102", 102}, Case{"0.5", 500}, Case{"1", 1000}, Case{"1.000", 1000}, Case{"1.001", {}},
          Case{"2", {}}, Case{".5", {}}, Case{"-0.5", {}}, Case{"0.12345", 123}, Case{"0,5", {}}, Case{"", {}}}) {
        SCOPED_TRACE(c.text);
        const auto pidf =
            decoded("<presence xmlns='urn:ietf:params:xml:ns:pidf'><tuple id='a'><status/><contact priority='" +
                    std::string(c.text) + "'>sip:a@b</contact></tuple></presence>");
        EXPECT_EQ(pidf.tuples.at(0).priority, c.value);
    }
}

TEST(Pidf, LeavesOutWhatMustBeUnderstood) {
    const auto pidf =
        decoded(R"(<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:p="urn:ietf:params:xml:ns:pidf" xmlns:x="urn:x">
  <tuple id="a"><status><basic>open</basic><x:only-if p:mustUnderstand="1"/></status></tuple>
  <tuple id="b"><status><basic>closed</basic><x:more p:mustUnderstand="0"/></status></tuple></presence>)");
    ASSERT_EQ(pidf.tuples.size(), 1u);
    EXPECT_EQ(pidf.tuples[0].id, "b");
    const auto refused =
        decode_pidf(R"(<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:p="urn:ietf:params:xml:ns:pidf"
        xmlns:x="urn:x"><x:not p:mustUnderstand="true"/></presence>)");
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, Errc::malformed);
}

TEST(Pidf, RefusesBadInput) {
    std::string many_tuples = "<presence xmlns='urn:ietf:params:xml:ns:pidf'>";
    for (int i = 0; i < 65; ++i) many_tuples += "<tuple id='a'><status/></tuple>";
    many_tuples += "</presence>";
    std::string many_notes = "<presence xmlns='urn:ietf:params:xml:ns:pidf'>";
    for (int i = 0; i < 33; ++i) many_notes += "<note>n</note>";
    many_notes += "</presence>";
    std::string activities = "<a xmlns='urn:ietf:params:xml:ns:pidf:rpid'/>";
    std::string deep;
    for (int i = 0; i < 1000; ++i) deep += "<status>";
    const std::string wide_note(pidf_limit::text + 1, 'x');

    struct Case {
        std::string name, document;
        Errc code;
    };
    for (const auto& c : {
             Case{"empty", "", Errc::malformed},
             Case{"no XML", "open", Errc::malformed},
             Case{"another root", "<tuple xmlns='urn:ietf:params:xml:ns:pidf'/>", Errc::malformed},
             Case{"another namespace", "<presence xmlns='jabber:client'/>", Errc::malformed},
             Case{"unfinished", "<presence xmlns='urn:ietf:params:xml:ns:pidf'>", Errc::malformed},
             Case{"two roots", in_status("") + in_status(""), Errc::malformed},
             Case{"tuples", many_tuples, Errc::too_long},
             Case{"notes", many_notes, Errc::too_long},
             Case{"a note", in_status("<basic>" + wide_note + "</basic>"), Errc::too_long},
             Case{"depth", in_status(deep), Errc::too_long},
             Case{"size", std::string(pidf_limit::document + 1, ' '), Errc::too_long},
             Case{"DTD", "<!DOCTYPE presence [<!ENTITY a 'b'>]>" + in_status("&a;"), Errc::forbidden},
         }) {
        SCOPED_TRACE(c.name);
        const auto pidf = decode_pidf(c.document);
        ASSERT_FALSE(pidf.has_value());
        EXPECT_EQ(pidf.error().code, c.code) << pidf.error().detail;
    }
}

TEST(Pidf, WritesBothForms) {
    Pidf pidf;
    pidf.entity = "sip:u1@cup.example.com";
    pidf.tuples.push_back(
        {.id = "ID-0", .basic = Basic::open, .activities = {"busy"}, .notes = {{"On a <call> & busy", ""}}});
    pidf.persons.push_back({.id = "p", .activities = {"busy"}});
    pidf.display_name = "U. One";
    EXPECT_EQ(
        encode_pidf(pidf),
        "<?xml version='1.0' encoding='UTF-8'?>\r\n"
        "<presence xmlns='urn:ietf:params:xml:ns:pidf' xmlns:ep='urn:ietf:params:xml:ns:pidf:status:rpid-status' "
        "xmlns:dm='urn:ietf:params:xml:ns:pidf:data-model' xmlns:rpid='urn:ietf:params:xml:ns:pidf:rpid' "
        "xmlns:ci='urn:ietf:params:xml:ns:pidf:cipid' entity='sip:u1@cup.example.com'>"
        "<tuple "
        "id='ID-0'><status><basic>open</basic><ep:activities><ep:activity>busy</ep:activity></ep:activities></status>"
        "<note>On a &lt;call&gt; &amp; busy</note></tuple>"
        "<dm:person id='p'><rpid:activities><rpid:busy/></rpid:activities></dm:person>"
        "<ci:display-name>U. One</ci:display-name></presence>\r\n");
}

TEST(Pidf, DecodeAndEncodeAreInverse) {
    Pidf pidf;
    pidf.entity = "sip:j\xc3\xbcrgen@example.com?a=1&b='2'";
    pidf.display_name = "J\xc3\xbcrgen \"J\" <x>";
    pidf.tuples.push_back({.id = "a",
                           .basic = Basic::open,
                           .activities = {"on-the-phone", "away"},
                           .show = "dnd",
                           .contact = "sip:a@b;gr=x&y",
                           .priority = 7,
                           .notes = {{"line\nline", "ja"}, {"]]>", ""}},
                           .timestamp = "2026-01-01T00:00:00Z"});
    pidf.tuples.push_back({.id = "b", .basic = Basic::closed});
    pidf.tuples.push_back({.id = "c"});
    pidf.notes = {{"all", ""}};
    pidf.persons.push_back({"p", {"meeting"}, true, "2026-01-01T00:00:00Z", {{"n", "en"}}, "2026-01-01T00:00:00Z"});
    pidf.devices.push_back({"d", "urn:device:1", {{"n", ""}}});
    EXPECT_EQ(decoded(encode_pidf(pidf)), pidf);
}

}  // namespace
}  // namespace parley::sip
