// Requirement D5: nobody can tell from what comes over the wire whether a user has blocked them or is offline. Two
// worlds live the same life, but for one thing: in one Bob blocks the watcher, in the other he goes offline. All that
// the watcher gets must be the same, but for names that the server makes up (tags, Call-IDs).
#include <algorithm>
#include <memory>
#include <regex>

#include <gtest/gtest.h>

#include "gateway/gateway_fixture.hpp"
#include "tests/contract/store_fixture.hpp"
#include "tests/scenario/world.hpp"
#include "tests/scenario/xml_end.hpp"
#include "xml/writer.hpp"

namespace parley::test {
namespace {

using namespace std::chrono_literals;

enum class Bob { blocks, is_offline };

// Somebody who watches, over one protocol.
class Watcher {
public:
    virtual ~Watcher() = default;
    virtual std::string jid() const = 0;
    virtual void arrive() = 0;  // at the beginning, and after our restart
    virtual void say(const std::string& what) = 0;
    virtual std::vector<std::string> stimuli() const = 0;
    virtual std::string heard() = 0;  // since the last call
};

// What anybody may send to Bob by XMPP. Ids name them in the transcript.
std::vector<std::string> xmpp_stimuli(const std::string& from) {
    int number = 0;
    const auto stanza = [&](const std::string& kind, const std::string& type, const std::string& to,
                            const std::string& content) {
        return "<" + kind + from + " to='" + to + "'" + (type.empty() ? "" : " type='" + type + "'") + " id='s" +
               std::to_string(number++) + "'>" + content + "</" + kind + ">";
    };
    const std::string bare = "bob@example.com", full = "bob@example.com/desk", other = "bob@example.com/nowhere";
    const std::string body = "<body>Hi</body>";
    const std::string active = "<active xmlns='http://jabber.org/protocol/chatstates'/>";
    const std::string receipt = "<request xmlns='urn:xmpp:receipts'/>";
    std::vector<std::string> all;
    for (const auto& to : {bare, full, other}) {
        for (const std::string type : {"chat", "normal", "", "headline", "groupchat", "error"})
            all.push_back(stanza("message", type, to, body));
        all.push_back(stanza("message", "chat", to, active));
        all.push_back(stanza("message", "chat", to, body + receipt));
        all.push_back(stanza("message", "chat", to, "<received xmlns='urn:xmpp:receipts' id='x'/>"));
        all.push_back(stanza("message", "chat", to, body + "<no-store xmlns='urn:xmpp:hints'/>"));
        all.push_back(stanza("message", "chat", to, body + "<private xmlns='urn:xmpp:carbons:2'/>"));
        for (const std::string payload :
             {"<ping xmlns='urn:xmpp:ping'/>", "<query xmlns='http://jabber.org/protocol/disco#info'/>",
              "<query xmlns='http://jabber.org/protocol/disco#info' node='x#y'/>",
              "<query xmlns='http://jabber.org/protocol/disco#items'/>", "<query xmlns='jabber:iq:last'/>",
              "<query xmlns='jabber:iq:version'/>", "<time xmlns='urn:xmpp:time'/>", "<vCard xmlns='vcard-temp'/>",
              "<query xmlns='jabber:iq:roster'/>", "<blocklist xmlns='urn:xmpp:blocking'/>",
              "<policy xmlns='urn:parley:policy:0'/>", "<unknown xmlns='urn:unknown'/>"})
            all.push_back(stanza("iq", "get", to, payload));
        all.push_back(stanza("iq", "set", to, "<unknown xmlns='urn:unknown'/>"));
        all.push_back(stanza("iq", "result", to, ""));
        all.push_back(stanza("iq", "error", to, ""));
        for (const std::string type : {"", "unavailable", "probe", "error"})
            all.push_back(stanza("presence", type, to, ""));
    }
    for (const std::string type : {"subscribed", "subscribe", "probe", "subscribe", "unsubscribe", "probe",
                                   "unsubscribed", "subscribe", "probe"})
        all.push_back(stanza("presence", type, bare, ""));
    return all;
}

std::string written(std::deque<xml::Element>& heard, const std::string& ns) {
    std::string out;
    for (const auto& element : heard) out += "  " + xml::to_string(element, ns) + '\n';
    heard.clear();
    return out;
}

class LocalWatcher final : public Watcher {
public:
    explicit LocalWatcher(World& world)
        : client_(world.network, world.executor, "wanda", "example.com", "sofa", "10.0.2.5") {}
    std::string jid() const override { return "wanda@example.com"; }
    void arrive() override { EXPECT_EQ(client_.log_in(), ""); }
    void say(const std::string& what) override { client_.say(what); }
    std::vector<std::string> stimuli() const override { return xmpp_stimuli(""); }
    std::string heard() override {
        client_.collect();
        return written(client_.heard(), "jabber:client");
    }

private:
    Client client_;
};

// Without stream management on the way the server of the watcher sees more than any client does: probes, and what is
// written to it.
class RemoteWatcher final : public Watcher {
public:
    explicit RemoteWatcher(World& world) : server_(world.network, world.executor, "montague.example", "10.0.2.9") {}
    std::string jid() const override { return "romeo@montague.example"; }
    void arrive() override { say("<presence from='romeo@montague.example/sofa' to='bob@example.com' type='probe'/>"); }
    void say(const std::string& what) override { EXPECT_EQ(server_.say(what, "example.com"), ""); }
    std::vector<std::string> stimuli() const override { return xmpp_stimuli(" from='romeo@montague.example/sofa'"); }
    std::string heard() override {
        server_.collect();
        return written(server_.heard(), "jabber:server");
    }

private:
    PeerServer server_;
};

class SipWatcher final : public Watcher {
public:
    explicit SipWatcher(World& world) : network_(world.network, "10.0.0.2"), peer_(network_, world.executor) {
        peer_.listen(5060);
    }
    std::string jid() const override { return "rosa@sip.example.net"; }
    void arrive() override {
        peer_.framer = {};
        peer_.connect(5060);
        answer_all();
    }
    // "METHOD", "METHOD Header: value", with a body behind "||"; "refresh" is within the first subscription.
    void say(const std::string& what) override {
        const auto space = what.find(' ');
        auto method = what.substr(0, space);
        auto rest = space == std::string::npos ? std::string{} : what.substr(space + 1);
        const bool inside = method == "refresh";
        if (inside) method = "SUBSCRIBE";
        std::string body;
        if (const auto at = rest.find("||"); at != std::string::npos) {
            body = rest.substr(at + 2);
            rest.resize(at);
        }
        const auto number = std::to_string(++number_);
        std::string to = "<sip:bob@example.com>", call = "call" + number, from = "<sip:rosa@sip.example.net>;tag=t";
        std::string target = "sip:bob@example.com";
        if (inside) {
            call = "call" + std::to_string(first_subscribe_);
            from += std::to_string(first_subscribe_);
            to += ";tag=" + tag_;
            target = "sip:sip.example.com:5060;transport=tcp";
        } else {
            from += number;
        }
        if (method == "SUBSCRIBE" && !inside && first_subscribe_ == 0) first_subscribe_ = number_;
        std::string head = method + ' ' + target + " SIP/2.0\nVia: SIP/2.0/TCP 10.0.0.2:5060;branch=z9hG4bKw" + number +
                           "\nMax-Forwards: 70\nFrom: " + from + "\nTo: " + to + "\nCall-ID: " + call +
                           "\nCSeq: " + number + ' ' + method + "\nContact: <sip:10.0.0.2:5060;transport=tcp>\n";
        if (!rest.empty()) head += rest + '\n';
        peer_.say(head + (body.empty() ? "" : "\n" + body));
        answer_all();
        if (tag_.empty() && first_subscribe_ != 0)
            for (const auto& message : peer_.heard) {
                if (message.is_request() || message.status() != 200) continue;
                const auto field = std::string(message.header("To"));
                if (const auto at = field.find(";tag="); at != std::string::npos) tag_ = field.substr(at + 5);
            }
    }
    std::vector<std::string> stimuli() const override {
        const std::string text = "Content-Type: text/plain||Hello";
        const std::string typing =
            "Content-Type: application/im-iscomposing+xml||<?xml version=\"1.0\"?><isComposing "
            "xmlns=\"urn:ietf:params:xml:ns:im-iscomposing\"><state>active</state></isComposing>";
        const std::string sdp =
            "Content-Type: application/sdp||v=0\no=- 0 0 IN IP4 10.0.0.2\ns=-\nc=IN IP4 10.0.0.2\nt=0 0\nm=";
        return {"SUBSCRIBE Event: presence\nExpires: 3600",
                "refresh Event: presence\nExpires: 3600",
                "MESSAGE " + text,
                "MESSAGE " + typing,
                "SUBSCRIBE Event: presence\nExpires: 0",
                "SUBSCRIBE Event: presence\nExpires: 1800",
                "MESSAGE " + text,
                "MESSAGE Content-Type: application/x-unknown||Hello",
                "INVITE " + sdp + "message 5060 sip null\n",
                "INVITE " + sdp + "audio 5060 RTP/AVP 0\n",
                "OPTIONS",
                "INFO",
                "SUBSCRIBE Event: dialog\nExpires: 3600",
                "MESSAGE " + text,
                "MESSAGE " + text,
                "MESSAGE " + text};
    }
    // Each dialog in its own order: which of two is served first is chance. Made-up names are evened out.
    std::string heard() override {
        answer_all();
        std::vector<std::string> all;
        for (; read_ < peer_.raw.size(); ++read_) {
            auto text = peer_.raw[read_];
            for (const auto& [pattern, into] :
                 {std::pair{";tag=[^;\r\n>]*", ";tag=?"}, std::pair{"branch=[^;\r\n]*", "branch=?"},
                  std::pair{"CSeq: [0-9]+ NOTIFY", "CSeq: ? NOTIFY"}, std::pair{"Call-ID: [0-9a-f]{32}", "Call-ID: ?"}})
                text = std::regex_replace(text, std::regex(pattern), into);
            all.push_back(std::move(text));
        }
        const auto call_of = [](const std::string& text) {
            const auto at = text.find("Call-ID: ");
            return text.substr(at, text.find('\r', at) - at);
        };
        std::stable_sort(all.begin(), all.end(),
                         [&](const std::string& a, const std::string& b) { return call_of(a) < call_of(b); });
        std::string out;
        for (const auto& text : all) out += text + '\n';
        return out;
    }

private:
    void answer_all() {
        for (; answered_ < peer_.heard.size(); ++answered_) {
            if (!peer_.heard[answered_].is_request()) continue;
            const auto& request = peer_.heard[answered_];
            if (request.method_text() == "ACK") continue;
            std::string text = "SIP/2.0 200 OK\n";
            for (const auto id : {sip::HeaderId::via, sip::HeaderId::from, sip::HeaderId::to, sip::HeaderId::call_id,
                                  sip::HeaderId::cseq})
                text.append(sip::to_string(id)).append(": ").append(request.header(id)).append("\n");
            if (request.method_text() == "SUBSCRIBE") {  // ours, to the watcher, whom Bob watches too
                const auto to = text.find("\nTo: ") + 1;
                if (const auto end = text.find('\n', to); text.substr(to, end - to).find(";tag=") == std::string::npos)
                    text.insert(end, ";tag=theirs");
                text += "Contact: <sip:10.0.0.2:5060;transport=tcp>\nExpires: 3600\n";
            }
            const bool ours = request.method_text() == "SUBSCRIBE";
            const std::string from(request.header(sip::HeaderId::from)), call(request.header(sip::HeaderId::call_id));
            peer_.say(text);  // which may bring more, and moves what is heard
            if (!ours) continue;
            const auto number = std::to_string(++number_);
            peer_.say(
                "NOTIFY sip:sip.example.com:5060;transport=tcp SIP/2.0\nVia: SIP/2.0/TCP 10.0.0.2:5060;"
                "branch=z9hG4bKn" +
                number + "\nMax-Forwards: 70\nFrom: <sip:rosa@sip.example.net>;tag=theirs\nTo: " + from +
                "\nCall-ID: " + call + "\nCSeq: " + number +
                " NOTIFY\nContact: <sip:10.0.0.2:5060;transport=tcp>\nEvent: presence\n"
                "Subscription-State: active;expires=3600\n");
        }
    }

    MemoryNetwork network_;
    gateway::test::Peer peer_;
    std::size_t read_ = 0, answered_ = 0;
    int number_ = 0, first_subscribe_ = 0;
    std::string tag_;
};

enum class Kind { local, remote, sip };
struct Case {
    std::string name;
    Kind kind;
    im::RosterItem item;  // what Bob has of the watcher
    bool by_domain = false;
};
void PrintTo(const Case& c, std::ostream* out) {
    *out << c.name;
}

// One life, as a transcript for the watcher.
class Life {
public:
    Life(const Case& c, Bob bob) : case_(c), bob_does_(bob) {
        world_.local_domains = {"example.com"};
        world_.accounts = {jid("bob@example.com"), jid("wanda@example.com"), jid("carol@example.com")};
        auto& xmpp = world_.policy.rules["montague.example"];
        xmpp.domain = "montague.example";
        xmpp.transport = im::Transport::xmpp;
        auto& sip = world_.policy.rules["sip.example.net"];
        sip.domain = "sip.example.net";
        sip.transport = im::Transport::sip;
        sip.profile = "simple";
        sip.next_hop = "10.0.0.2:5060";
        sip.next_hop_tls = false;
        world_.limits.stanzas_burst = 1'000'000;
        world_.limits.bytes_burst = 1'000'000'000;
        // Whoever Bob does not block, he lets in: what an offline user answers is a yes, and then nobody.
        auto& policy = world_.policies[jid("bob@example.com")];
        policy.inside = policy.outside = im::Verdict::allow;
        switch (c.kind) {
            case Kind::local: watcher_ = std::make_unique<LocalWatcher>(world_); break;
            case Kind::remote: watcher_ = std::make_unique<RemoteWatcher>(world_); break;
            case Kind::sip: watcher_ = std::make_unique<SipWatcher>(world_); break;
        }
        auto item = c.item;
        item.contact = jid(watcher_->jid());
        if (!item.empty()) world_.rosters[jid("bob@example.com")].items[item.contact] = item;
        if (c.kind == Kind::local) add_mirror(item);
        // Somebody whom nothing concerns: Carol sees Bob as he is.
        auto& carol = world_.rosters[jid("bob@example.com")].items[jid("carol@example.com")];
        carol.contact = jid("carol@example.com");
        carol.listed = true;
        carol.subscription = im::Subscription::both;
    }

    std::vector<std::pair<std::string, std::string>> live() {
        world_.start();
        watcher_->arrive();
        note("arrives");
        log_in();
        note("Bob logs in");
        bob_->say("<presence to='" + watcher_->jid() + "'><status>for you</status></presence>");
        note("directed presence");
        go(true);
        note("Bob goes");
        stimulate("first");
        stir();
        note("Bob does this and that");
        world_.executor.advance(61min);  // subscriptions run out, refreshes come
        note("an hour");
        stimulate("second");
        world_.stop(World::End::crash);
        world_.start();
        watcher_->arrive();
        if (bob_does_ == Bob::blocks) log_in();
        world_.executor.advance(2min);
        note("after a crash");
        stimulate("third");
        go(false);
        note("Bob is back");
        bob_->say("<presence><show>away</show></presence>");
        world_.executor.advance(1s);
        note("Bob is away");
        return std::move(transcript_);
    }
    std::string bob_heard() {
        bob_->collect();
        return written(bob_->heard(), "jabber:client");
    }

private:
    void add_mirror(const im::RosterItem& of_bob) {
        im::RosterItem mirror;
        mirror.contact = jid("bob@example.com");
        mirror.listed = true;
        const bool to = of_bob.has_from(), from = of_bob.has_to();
        mirror.subscription = to     ? (from ? im::Subscription::both : im::Subscription::to)
                              : from ? im::Subscription::from
                                     : im::Subscription::none;
        mirror.pending_out = of_bob.pending_in;
        mirror.pending_in = of_bob.pending_out;
        if (mirror.pending_in)
            mirror.request = "<presence xmlns='jabber:client' from='bob@example.com' type='subscribe'/>";
        world_.rosters[jid("wanda@example.com")].items[mirror.contact] = mirror;
    }
    void log_in() {
        bob_ = std::make_unique<Client>(world_.network, world_.executor, "bob", "example.com", "desk", "10.0.2.1");
        ASSERT_EQ(bob_->log_in(), "");
        bob_->say("<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>");
    }
    std::string blocked() const {
        const auto who = case_.by_domain ? jid(watcher_->jid()).domain() : watcher_->jid();
        return "<item jid='" + who + "'/>";
    }
    void go(bool away) {
        if (bob_does_ == Bob::blocks)
            bob_->say(away ? "<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'>" + blocked() + "</block></iq>"
                           : "<iq type='set' id='u'><unblock xmlns='urn:xmpp:blocking'>" + blocked() +
                                 "</unblock></iq>");
        else
            away ? bob_->drop() : log_in();
        world_.executor.advance(10s);
    }
    // Whatever an offline user does not do.
    void stir() {
        if (bob_does_ == Bob::is_offline) return;
        const auto to = watcher_->jid();
        bob_->say("<presence><show>dnd</show><status>busy</status></presence>");
        for (const std::string type : {"", "unavailable", "probe", "subscribe", "unsubscribed", "error"})
            bob_->say("<presence to='" + to + "'" + (type.empty() ? "" : " type='" + type + "'") + "/>");
        bob_->say("<message type='chat' to='" + to + "'><body>Hi</body></message>");
        bob_->say("<message type='chat' to='" + to +
                  "'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>");
        bob_->say("<message to='" + to + "'><received xmlns='urn:xmpp:receipts' id='x'/></message>");
        for (const std::string type : {"get", "set", "result", "error"})
            bob_->say("<iq id='q' type='" + type + "' to='" + to + "'><query xmlns='jabber:iq:version'/></iq>");
        Client phone(world_.network, world_.executor, "bob", "example.com", "phone", "10.0.2.2");
        EXPECT_EQ(phone.log_in(), "");
        phone.say("<presence><priority>5</priority></presence>");
        phone.drop();
        world_.executor.advance(1s);
    }
    void stimulate(const std::string& when) {
        for (const auto& what : watcher_->stimuli()) {
            watcher_->say(what);
            world_.executor.advance(3s);
            note(when + ": " + what);
        }
    }
    void note(const std::string& what) { transcript_.emplace_back(what, watcher_->heard()); }

    const Case& case_;
    const Bob bob_does_;
    World world_{2};
    std::unique_ptr<Watcher> watcher_;
    std::unique_ptr<Client> bob_;
    std::vector<std::pair<std::string, std::string>> transcript_;
};

class PoliteBlocking : public ::testing::TestWithParam<Case> {};

TEST_P(PoliteBlocking, LooksLikeOffline) {
    Life blocking(GetParam(), Bob::blocks), offline(GetParam(), Bob::is_offline);
    const auto is = blocking.live();
    const auto should = offline.live();
    ASSERT_EQ(is.size(), should.size());
    std::size_t heard = 0;
    for (std::size_t i = 0; i < is.size(); ++i) {
        EXPECT_EQ(is[i].second, should[i].second) << "when " << is[i].first;
        heard += should[i].second.size();
    }
    EXPECT_GT(heard, 1000u) << "there was something to compare";
    // And Bob has his peace: nothing that the watcher wrote has reached him while he blocked.
    EXPECT_EQ(blocking.bob_heard().find("Hi</body>"), std::string::npos);
}

// Only so much is kept for somebody offline: who writes more hears so, and does so too when all of it was dropped.
TEST(PoliteBlockingQuota, IsReachedAtTheSameMessage) {
    std::string transcripts[2];
    for (const auto bob : {Bob::blocks, Bob::is_offline}) {
        World world(2);
        world.local_domains = {"example.com"};
        world.accounts = {jid("bob@example.com"), jid("wanda@example.com"), jid("carol@example.com")};
        world.limits.offline_messages = 10;
        world.start();
        Client wanda(world.network, world.executor, "wanda", "example.com", "sofa", "10.0.2.5");
        Client carol(world.network, world.executor, "carol", "example.com", "desk", "10.0.2.6");
        Client client(world.network, world.executor, "bob", "example.com", "desk", "10.0.2.1");
        ASSERT_EQ(wanda.log_in(), "");
        ASSERT_EQ(carol.log_in(), "");
        ASSERT_EQ(client.log_in(), "");
        if (bob == Bob::blocks)
            client.say(
                "<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'><item jid='wanda@example.com'/></block></iq>");
        else
            client.drop();
        for (int i = 0; i < 20; ++i) {
            wanda.say("<message type='chat' to='bob@example.com' id='m" + std::to_string(i) +
                      "'><body>Hi</body></message>");
            world.executor.advance(1s);
        }
        wanda.collect();
        transcripts[static_cast<int>(bob)] = written(wanda.heard(), "jabber:client");
        if (bob == Bob::is_offline) continue;
        for (int i = 0; i < 20; ++i)
            carol.say("<message type='chat' to='bob@example.com' id='c'><body>Hi</body></message>");
        carol.collect();
        EXPECT_EQ(written(carol.heard(), "jabber:client"), "") << "others have room";
        client.collect();
        EXPECT_EQ(std::count_if(client.heard().begin(), client.heard().end(),
                                [](const auto& element) { return element.name() == "message"; }),
                  20);
    }
    EXPECT_EQ(transcripts[0], transcripts[1]);
    EXPECT_NE(transcripts[0].find("id='m10'"), std::string::npos) << transcripts[0];
    EXPECT_EQ(transcripts[0].find("id='m9'"), std::string::npos);
}

im::RosterItem item(im::Subscription subscription, bool listed = true) {
    im::RosterItem item;
    item.subscription = subscription;
    item.listed = listed;
    return item;
}

std::vector<Case> cases() {
    std::vector<Case> all;
    const auto add = [&](const std::string& name, const im::RosterItem& item) {
        for (const auto& [kind, word] : {std::pair{Kind::local, "Local"}, {Kind::remote, "Remote"}, {Kind::sip, "Sip"}})
            for (const bool by_domain : {false, true}) {
                if (by_domain && kind == Kind::local) continue;  // Carol is of that domain too
                all.push_back({word + name + (by_domain ? "ByDomain" : ""), kind, item, by_domain});
            }
    };
    using im::Subscription;
    add("Stranger", item(Subscription::none, false));
    add("None", item(Subscription::none));
    add("From", item(Subscription::from));
    add("To", item(Subscription::to));
    add("Both", item(Subscription::both));
    auto asked = item(Subscription::from);
    asked.pending_out = true;
    add("Asked", asked);
    auto approved = item(Subscription::none);
    approved.pre_approved = true;
    add("PreApproved", approved);
    return all;
}

INSTANTIATE_TEST_SUITE_P(Everybody, PoliteBlocking, ::testing::ValuesIn(cases()),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace parley::test
