#include "gateway/mapping/presence.hpp"

#include <fstream>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "base/text.hpp"
#include "xmpp/ns.hpp"

namespace parley::gateway {
namespace {

namespace ns = xmpp::ns;
using A = Availability;

struct Row {
    int table;  // 0: our own choice
    std::string from_system, from_state, to_view, to_state, to_status;
};

std::vector<Row> load_tables() {
    std::ifstream file(PARLEY_SOURCE_DIR "/tests/data/presence-tables.txt");
    std::vector<Row> rows;
    std::string line;
    while (std::getline(file, line)) {
        if (line.empty() || line[0] == '#') continue;
        std::vector<std::string> cells;
        for (const auto cell : split(line, '|')) cells.emplace_back(trim(cell));
        EXPECT_EQ(cells.size(), 6u) << line;
        if (cells.size() != 6) break;
        rows.push_back({parse_number<int>(cells[0]).value_or(0), cells[1], cells[2], cells[3], cells[4],
                        cells[5] == "-" ? "" : cells[5]});
    }
    return rows;
}

// What the partner's server puts on the wire for a state of its user: its form has no word for more than these.
std::string document(std::string_view state, std::string_view note = {}) {
    static const std::map<std::string_view, std::string_view> activity{
        {"Busy", "busy"}, {"Do Not Disturb", "busy"}, {"Be Right Back", "away"}, {"Away", "away"}};
    const bool closed = state == "Offline" || state == "Invisible";
    std::string text =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><presence xmlns=\"urn:ietf:params:xml:ns:pidf\" "
        "xmlns:ep=\"urn:ietf:params:xml:ns:pidf:status:rpid-status\" entity=\"alice@example.net\">"
        "<tuple id=\"0\"><status><basic>";
    text += closed ? "closed" : "open";
    text += "</basic>";
    if (const auto found = activity.find(state); found != activity.end())
        text += "<ep:activities><ep:activity>" + std::string(found->second) + "</ep:activity></ep:activities>";
    text += "</status>";
    if (!note.empty()) text += "<note>" + std::string(note) + "</note>";
    return text + "</tuple></presence>";
}

ContactPresence read(std::string_view text, std::string_view profile) {
    const auto pidf = sip::decode_pidf(text);
    EXPECT_TRUE(pidf.has_value()) << text;
    return pidf ? read_presence(*pidf, *find_profile(profile)) : ContactPresence{};
}

// A client's presence on the XMPP wire, by the word that its user sees.
std::string state_of(const xmpp::Stanza& presence) {
    if (presence.type == "unavailable") return "Offline";
    const auto show = presence.text_of("show");
    if (show == "away" && presence.child(ns::native_presence, "busy")) return "Busy";
    if (show == "away") return "Away";
    if (show == "xa") return "Extended Away";
    if (show == "dnd") return "Do Not Disturb";
    return show.empty() ? "Available" : show;
}

xmpp::Stanza client_presence(std::string_view state, std::string_view status = {}) {
    xmpp::Stanza presence;
    presence.kind = xmpp::Stanza::Kind::presence;
    if (state == "Offline") presence.type = "unavailable";
    const auto show = [&](std::string_view value) { presence.add(xml::Element(ns::client, "show").with_text(value)); };
    if (state == "Away" || state == "Busy" || state == "Idle") show("away");
    if (state == "Extended Away") show("xa");
    if (state == "Do Not Disturb") show("dnd");
    if (state == "Busy") presence.add(xml::Element(ns::native_presence, "busy"));
    if (state == "Idle") presence.add(xml::Element(ns::idle, "idle")).set("since", "2026-01-01T10:00:00Z");
    if (!status.empty()) presence.add(xml::Element(ns::client, "status").with_text(status));
    return presence;
}

// What the partner's user sees of our document: both of its forms must say the same.
std::string partner_sees(const std::string& text) {
    const auto pidf = sip::decode_pidf(text);
    EXPECT_TRUE(pidf.has_value()) << text;
    if (!pidf) return {};
    EXPECT_EQ(pidf->tuples.size(), 1u) << "these partners read one tuple";
    const auto& tuple = pidf->tuples.at(0);
    const auto& person = pidf->persons.empty() ? std::vector<std::string>{} : pidf->persons[0].activities;
    EXPECT_EQ(tuple.activities, person);
    if (tuple.basic != sip::Pidf::Basic::open) {
        EXPECT_TRUE(person.empty());
        return "Offline";
    }
    if (person.empty()) return "Available";
    EXPECT_EQ(person.size(), 1u);
    return person[0] == "busy" ? "Busy" : person[0] == "away" ? "Away" : person[0];
}

TEST(PresenceTables, EveryRowOfTables1To8HoldsOnTheWire) {
    int checked = 0;
    for (const auto& row : load_tables()) {
        if (row.table > 8) continue;                                           // XMPP partners
        if (row.from_system == "simple" || row.to_view == "simple") continue;  // its forms have tests of their own
        SCOPED_TRACE("table " + std::to_string(row.table) + ": " + row.from_system + " " + row.from_state + " -> " +
                     row.to_view);
        ++checked;
        if (const auto* profile = find_profile(row.from_system)) {
            const auto kind = row.to_view == "native" ? ClientKind::native : ClientKind::third_party;
            const auto shown = presence_for(kind, read(document(row.from_state), row.from_system), *profile);
            EXPECT_EQ(state_of(shown), row.to_state);
            EXPECT_EQ(shown.text_of("status"), row.to_status);
            // A text that the contact wrote always travels, and stands in the place of ours.
            const auto noted =
                presence_for(kind, read(document(row.from_state, "Back at 5"), row.from_system), *profile);
            EXPECT_EQ(state_of(noted), row.to_state);
            EXPECT_EQ(noted.text_of("status"), row.to_state == "Offline" ? "" : "Back at 5");
        } else {
            const auto* partner = find_profile(row.to_view);
            ASSERT_TRUE(partner);
            const auto user = im::presence_of(client_presence(row.from_state));
            EXPECT_EQ(partner_sees(encode_pidf(pidf_for(*partner, user, "sip:u1@example.com"))), row.to_state);
            const auto noted =
                pidf_for(*partner, im::presence_of(client_presence(row.from_state, "Back at 5")), "sip:u1@example.com");
            EXPECT_EQ(noted.tuples.at(0).notes.size(), row.to_state == "Offline" ? 0u : 1u);
        }
    }
    EXPECT_EQ(checked, 51 + 14);
}

TEST(PresenceTables, NearestValuesBeyondTheTables) {
    struct Case {
        std::string_view profile;
        A ours, theirs;
    };
    for (const auto& c :
         {Case{"ocs", A::idle, A::away}, Case{"ocs", A::away, A::away}, Case{"lync", A::idle, A::away},
          Case{"aol", A::away, A::away}, Case{"aol", A::extended_away, A::away}, Case{"simple", A::idle, A::idle}}) {
        SCOPED_TRACE(c.profile);
        EXPECT_EQ(find(find_profile(c.profile)->presence->outbound, c.ours)->theirs, c.theirs);
    }
    // Table 7 leaves out third-party clients.
    const auto& aol = *find_profile("aol");
    EXPECT_EQ(state_of(presence_for(ClientKind::third_party, read(document("Away"), "aol"), aol)), "Away");
    EXPECT_EQ(state_of(presence_for(ClientKind::third_party, read(document("Invisible"), "aol"), aol)), "Offline");
}

TEST(ReadPresence, OfAStandardDomain) {
    const auto doc = [](std::string_view tuple, std::string_view person = {}) {
        return "<presence xmlns='urn:ietf:params:xml:ns:pidf' xmlns:dm='urn:ietf:params:xml:ns:pidf:data-model' "
               "xmlns:r='urn:ietf:params:xml:ns:pidf:rpid' entity='sip:b@example.net'>" +
               std::string(tuple) +
               (person.empty() ? "" : "<dm:person id='p'>" + std::string(person) + "</dm:person>") + "</presence>";
    };
    const auto open = [](std::string_view more = {}) {
        return "<tuple id='t'><status><basic>open</basic></status>" + std::string(more) + "</tuple>";
    };
    const auto show = [](std::string_view value) {
        return "<tuple id='t'><status><basic>open</basic><show xmlns='jabber:client'>" + std::string(value) +
               "</show></status></tuple>";
    };
    struct Case {
        std::string document;
        std::string third_party, status;  // as a third-party client sees it
        std::string native, native_status;
    };
    for (const auto& c : {
             Case{doc(""), "Offline", "", "Offline", ""},
             Case{doc(open()), "Available", "", "Available", ""},
             Case{doc(open("<note>Hello</note>")), "Available", "Hello", "Available", "Hello"},
             Case{doc(open(), "<r:activities><r:away/></r:activities>"), "Away", "", "Away", ""},
             Case{doc(open(), "<r:activities><r:busy/></r:activities>"), "Away", "Busy", "Busy", ""},
             Case{doc(open(), "<r:activities><r:away/><r:on-the-phone/></r:activities>"), "Away", "On the phone",
                  "Busy", "On the phone"},
             Case{doc(open(), "<r:activities><r:meeting/></r:activities><dm:note>till 5</dm:note>"), "Away", "till 5",
                  "Busy", "till 5"},
             Case{doc(open(), "<r:activities><r:vacation/></r:activities>"), "Extended Away", "On vacation",
                  "Extended Away", "On vacation"},
             Case{doc(open(), "<r:activities><r:unknown/></r:activities>"), "Available", "", "Available", ""},
             Case{doc(open(), "<r:user-input last-input='2026-01-01T10:00:00Z'>idle</r:user-input>"), "Away", "Idle",
                  "Away", ""},
             Case{doc(open(), "<r:user-input last-input='&lt;x'>idle</r:user-input>"), "Away", "Idle", "Away", "Idle"},
             Case{doc(open(), "<r:user-input>active</r:user-input>"), "Available", "", "Available", ""},
             Case{doc(show("dnd")), "Do Not Disturb", "", "Do Not Disturb", ""},
             Case{doc(show("xa")), "Extended Away", "", "Extended Away", ""},
             Case{doc(show("chat")), "Available", "", "Available", ""},
             Case{doc(show("away")), "Away", "", "Away", ""},
             Case{doc(show("away"), "<r:activities><r:busy/></r:activities>"), "Away", "Busy", "Busy", ""},
             Case{doc(open("<note>Busy (DND)</note>")), "Do Not Disturb", "Busy (DND)", "Do Not Disturb", "Busy (DND)"},
             Case{doc(open("<note>On the phone</note>")), "Away", "On the phone", "Busy", "On the phone"},
             Case{doc(open("<note>away</note>")), "Away", "away", "Away", "away"},
             Case{doc("<tuple id='t'><status><basic>closed</basic></status><note>Gone</note></tuple>"), "Offline", "",
                  "Offline", ""},
             // Several tuples: a closed device does not hide the open one, and the highest priority of the open ones
             // counts.
             Case{doc("<tuple id='a'><status><basic>closed</basic></status></tuple>" + open("<note>n</note>")),
                  "Available", "n", "Available", "n"},
             Case{doc("<tuple id='a'><status><basic>open</basic><show "
                      "xmlns='jabber:client'>away</show></status><contact "
                      "priority='0.1'>sip:b</contact></tuple><tuple id='b'><status><basic>open</basic><show "
                      "xmlns='jabber:client'>dnd</show></status><contact priority='0.2'>sip:b</contact></tuple>"),
                  "Do Not Disturb", "", "Do Not Disturb", ""},
         }) {
        SCOPED_TRACE(c.document);
        const auto& profile = *find_profile("simple");
        const auto contact = read(c.document, "simple");
        const auto third_party = presence_for(ClientKind::third_party, contact, profile);
        EXPECT_EQ(state_of(third_party), c.third_party);
        EXPECT_EQ(third_party.text_of("status"), c.status);
        const auto native = presence_for(ClientKind::native, contact, profile);
        EXPECT_EQ(state_of(native), c.native);
        EXPECT_EQ(native.text_of("status"), c.native_status);
        // A stanza that reaches both kinds of clients can be made readable later.
        auto later = native;
        make_third_party(later);
        EXPECT_EQ(later.text_of("status"), c.status);
        EXPECT_FALSE(later.child(ns::native_presence, "busy"));
    }
}

TEST(ReadPresence, MicrosoftClassIgnoresWhatItsFormDoesNotHave) {
    auto text = document("Available");
    text.insert(
        text.find("</status>"),
        "<show xmlns='jabber:client'>dnd</show><ep:activities><ep:activity>on-the-phone</ep:activity></ep:activities>");
    EXPECT_EQ(read(text, "ocs").availability, A::available);
    EXPECT_EQ(read(document("Available", "Busy (DND)"), "ocs").availability, A::available);
}

// Between two parleys over SIP every state that both have words for survives.
TEST(Presence, SurvivesTheWayToAnotherParley) {
    const auto& profile = *find_profile("simple");
    std::set<A> seen;
    for (const std::string_view state :
         {"Available", "Busy", "Do Not Disturb", "Idle", "Away", "Extended Away", "Offline"}) {
        SCOPED_TRACE(state);
        const auto user = im::presence_of(client_presence(state, "caf\xc3\xa9"));
        const auto text = encode_pidf(pidf_for(profile, user, "sip:u1@example.com", "sip:u1@example.com", "U. One"));
        const auto contact = read(text, "simple");
        seen.insert(contact.availability);
        EXPECT_EQ(im::to_string(contact.availability), state);
        EXPECT_EQ(contact.note, state == "Offline" ? "" : "caf\xc3\xa9");
        EXPECT_EQ(contact.idle_since, user.idle_since);
        EXPECT_EQ(contact.display_name, "U. One");
        // And what a native client of the other parley is shown is what our client sent.
        EXPECT_EQ(im::presence_of(presence_for(ClientKind::native, contact, profile)).idle_since, user.idle_since);
    }
    EXPECT_EQ(seen.size(), availabilities.size());
}

// RFC 8048 5.3: 0 to 127 as 0 to 1 with three decimals, and back to the same number.
TEST(Presence, PrioritySurvivesTheWayToAnotherParley) {
    const auto& profile = *find_profile("simple");
    for (int priority = -128; priority < 128; ++priority) {
        im::Presence user;
        user.available = true;
        user.priority = priority;
        const auto contact = read(encode_pidf(pidf_for(profile, user, "sip:u@e", "sip:u@e")), "simple");
        ASSERT_EQ(contact.priority, std::max(priority, 0));
        ASSERT_EQ(presence_for(ClientKind::native, contact, profile).text_of("priority"),
                  priority > 0 ? std::to_string(priority) : "");
    }
}

// RFC 8048 has no status text on the way out of an offline user: equal to what a blocked watcher gets.
TEST(PidfFor, OfflineSaysNothingElse) {
    for (const auto& profile : profiles()) {
        im::Presence user;
        user.status_text = "gone to the beach";
        EXPECT_EQ(pidf_for(profile, user, "sip:u@e"), pidf_for(profile, im::Presence{}, "sip:u@e"));
    }
}

TEST(PidfFor, ALongStatusIsCutBetweenCharacters) {
    im::Presence user;
    user.available = true;
    user.status_text = std::string(1023, 'x') + "\xc3\xa9";
    const auto pidf = pidf_for(*find_profile("ocs"), user, "sip:u@e");
    EXPECT_EQ(pidf.tuples[0].notes[0].text, std::string(1023, 'x'));
}

TEST(Profiles, AreFoundByName) {
    EXPECT_EQ(profile_or_simple("").name, "simple");
    EXPECT_EQ(profile_or_simple("lync").im, ImDialect::session);
    EXPECT_EQ(find_profile("icq"), nullptr);
    for (const auto& profile : profiles()) {
        SCOPED_TRACE(profile.name);
        EXPECT_EQ(find_profile(profile.name), &profile);
        EXPECT_TRUE(profile.presence);
        EXPECT_FALSE(profile.srv.empty());
    }
}

}  // namespace
}  // namespace parley::gateway
