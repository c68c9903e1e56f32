#include "admin/control_protocol.hpp"

#include <gtest/gtest.h>

#include "admin/federation_rule.hpp"
#include "admin/report_json.hpp"

namespace parley::admin {
namespace {

UserKeys user(const std::string& jid) {
    const auto keys = [](char fill, std::size_t size) {
        return xmpp::ScramKeys{"salt-of-16-bytes", 10'000, std::string(size, fill), std::string(size, '\xFF')};
    };
    return {jid, keys('a', 20), keys('b', 32)};
}

im::DomainRule rule() {
    im::DomainRule r;
    r.domain = "partner.example";
    r.transport = im::Transport::sip;
    r.profile = "ocs";
    r.tls = im::TlsPolicy::optional;
    r.next_hop = "edge.partner.example:5061";
    r.next_hop_tls = false;
    r.trusted_certificate = false;
    r.external_in = r.external_out = r.ask_certificate = r.direct_tls = r.bidi = false;
    r.release = "8.6";
    r.trusted_by_partner = true;
    r.clearing_house = "aol.example";
    r.mail_names = false;
    r.inbound = false;
    r.subdomains = true;
    r.legacy_tls_until = *parse_last_day("2027-03-31");
    r.tls_names = {"sip.partner.example"};
    r.comment = "sales \"\u5171\u6709\"\n";
    return r;
}

TEST(ControlProtocol, RequestsSurviveTheWire) {
    const std::vector<Act> acts{
        AddUser{user("a@b.example")},
        SetPassword{user("a@b.example")},
        ImportUsers{{user("a@b.example"), user("c@b.example")}},
        DeleteUser{"a@b.example"},
        ListUsers{"b.example"},
        PutRule{rule()},
        RemoveRule{"x.example"},
        SetFederationDefault{true},
        RetryFederation{"x.example"},
        ListFederation{},
        GetStatus{},
        Reload{},
        GetPolicy{"a@b.example"},
        ChangePolicy{"a@b.example", im::Verdict::ask, im::Verdict::block, {"x", "c@y"}, im::Verdict::allow},
        Look{Look::At::test, "partner.example", "b.example"},
        Trace{Trace::Do::start, "a@b.example", "partner.example", "", 10, true, false}};
    ASSERT_EQ(acts.size(), std::variant_size_v<Act>);
    Look explain;
    explain.at = Look::At::explain;
    explain.watcher = "a@b.example";
    explain.target = "c@d.example";
    const auto explained = decode_request(encode(Request{1, explain}));
    EXPECT_EQ(std::get<Look>(std::get<Request>(explained).act).watcher, explain.watcher);
    EXPECT_EQ(std::get<Look>(std::get<Request>(explained).act).target, explain.target);
    Trace trace;
    trace.what = Trace::Do::stop;
    trace.key = "7";
    trace.forget = true;
    const auto traced = decode_request(encode(Request{1, trace}));
    EXPECT_EQ(std::get<Trace>(std::get<Request>(traced).act).key, "7");
    EXPECT_TRUE(std::get<Trace>(std::get<Request>(traced).act).forget);
    EXPECT_EQ(std::get<Trace>(std::get<Request>(traced).act).what, Trace::Do::stop);
    const auto unset = decode_request(encode(Request{1, ChangePolicy{"a@b.example", {}, {}, {"x"}, {}}}));
    EXPECT_FALSE(std::get<ChangePolicy>(std::get<Request>(unset).act).verdict);
    for (std::size_t i = 0; i < acts.size(); ++i) {
        SCOPED_TRACE(verb_of(acts[i]));
        const auto line = encode(Request{i + 1, acts[i]});
        ASSERT_EQ(line.back(), '\n');
        ASSERT_EQ(line.find('\n'), line.size() - 1);
        const auto decoded = decode_request(std::string_view(line).substr(0, line.size() - 1));
        const auto* request = std::get_if<Request>(&decoded);
        ASSERT_NE(request, nullptr);
        EXPECT_EQ(request->id, i + 1);
        ASSERT_EQ(request->act.index(), acts[i].index());
        EXPECT_EQ(encode(*request), line);
    }
    const auto put = decode_request(encode(Request{1, PutRule{rule()}}));
    EXPECT_EQ(std::get<PutRule>(std::get<Request>(put).act).rule, rule());
    const auto added = decode_request(encode(Request{1, AddUser{user("a@b.example")}}));
    EXPECT_EQ(std::get<AddUser>(std::get<Request>(added).act).user, user("a@b.example"));
}

TEST(ControlProtocol, WrongRequestsAreNamed) {
    struct Case {
        std::string_view line, id, arg;
        std::uint64_t number = 0;
    };
    for (const auto& c : {
             Case{"", "act.bad-request", "JSON"},
             Case{"[]", "act.bad-request", "JSON"},
             Case{"{", "act.bad-request", "JSON"},
             Case{"{\"id\":7}", "act.unknown-verb", "", 7},
             Case{"{\"id\":7,\"verb\":\"user.ad\"}", "act.unknown-verb", "user.ad", 7},
             Case{"{\"verb\":\"user.del\"}", "act.bad-request", "jid"},
             Case{"{\"verb\":\"user.del\",\"jid\":5}", "act.bad-request", "jid"},
             Case{"{\"verb\":\"user.add\",\"jid\":\"a@b\"}", "act.bad-request", "sha1"},
             Case{"{\"verb\":\"user.import\",\"users\":{}}", "act.bad-request", "users"},
             Case{"{\"verb\":\"user.import\",\"users\":[1]}", "act.bad-request", "users"},
             Case{"{\"verb\":\"federation.put\"}", "act.bad-request", "rule"},
             Case{"{\"verb\":\"federation.put\",\"rule\":{\"domain\":\"a\",\"via\":\"pigeon\"}}", "act.bad-request",
                  "via"},
             Case{"{\"verb\":\"federation.default\"}", "act.bad-request", "allowed"},
             Case{"{\"verb\":\"policy.get\"}", "act.bad-request", "jid"},
             Case{"{\"verb\":\"policy.change\",\"jid\":\"a@b\",\"inside\":\"maybe\"}", "act.bad-request", "inside"},
             Case{"{\"verb\":\"policy.change\",\"jid\":\"a@b\",\"verdict\":\"ask\"}", "act.bad-request", "verdict"},
             Case{"{\"verb\":\"policy.change\",\"jid\":\"a@b\",\"who\":[1]}", "act.bad-request", "who"},
             Case{"{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}", "act.bad-request", "JSON"},
         }) {
        SCOPED_TRACE(c.line);
        const auto decoded = decode_request(c.line);
        const auto* wrong = std::get_if<RequestError>(&decoded);
        ASSERT_NE(wrong, nullptr);
        EXPECT_EQ(wrong->message.id.name(), c.id);
        EXPECT_EQ(wrong->message.args, std::vector{std::string(c.arg)});
        EXPECT_EQ(wrong->id, c.number);
    }
}

TEST(ControlProtocol, ResponsesSurviveTheWire) {
    im::FederationPolicy policy;
    policy.xmpp_default_allowed = true;
    policy.rules["partner.example"] = rule();
    ReloadReport report;
    report.live = {"log.level"};
    report.restart = {"node.name"};
    report.problems.push_back({{"config.unknown-key", {"a", "[log]"}},
                               {4, 2, 1},
                               Message{"fix.did-you-mean", {"b"}},
                               Severity::warning,
                               "\ta = 1"});
    Report looked;
    looked.good = false;
    looked.add("tcp", "a 192.0.2.1:5061", Finding::Verdict::problem, {"test.tcp-refused", {}},
               Message{"fix.allow", {"x.example"}}, 17);
    looked.add("dns", "", Finding::Verdict::note, {"test.dns-no-record", {}});
    looked.add("dns", "_x", Finding::Verdict::good, {"test.dns-records", {"0 0 1 a"}});
    const NodeStatus status{"0.1.0",           "one", 17, 99, {"a.example"}, {{"c2s", "127.0.0.1:5222"}},
                            {{"sessions", 3}}, looked};
    im::UserPolicy decided;
    decided.inside = im::Verdict::allow;
    decided.put({*xmpp::Jid::parse("b@x.example"), im::Verdict::block, im::DecidedBy::privacy_list,
                 TimePoint{Seconds{1'700'000'000}}});
    for (const auto& payload : {Payload{}, Payload{std::vector<std::string>{"a@b", "c@d"}}, Payload{policy},
                                Payload{status}, Payload{report}, Payload{decided}, Payload{looked}}) {
        auto response = Response::of(Outcome::failed, {"act.user-added", {"a@b"}}, payload);
        response.id = 5;
        const auto line = encode(response);
        const auto decoded = decode_response(line);
        ASSERT_TRUE(decoded) << line;
        EXPECT_EQ(encode(*decoded), line);
        EXPECT_EQ(decoded->payload.index(), payload.index());
        EXPECT_EQ(decoded->text(Language::english), "a@b is added");
    }
    for (const std::string_view line :
         {"", "{}", "{\"id\":1,\"outcome\":\"done\",\"message\":\"x\",\"args\":[],\"kind\":\"what\",\"result\":{}}",
          "{\"id\":1,\"outcome\":\"done\",\"message\":\"x\",\"args\":[],\"kind\":\"status\",\"result\":{}}"})
        EXPECT_FALSE(decode_response(line)) << line;
}

TEST(LineBuffer, CutsLinesWhereverTheBytesWereCut) {
    const std::string text = "one\ntwo\n\nthree\n";
    for (std::size_t step = 1; step <= text.size(); ++step) {
        LineBuffer lines(100);
        std::vector<std::string> found;
        for (std::size_t i = 0; i < text.size(); i += step) {
            lines.feed(std::string_view(text).substr(i, step));
            while (auto line = lines.next()) found.push_back(*line);
        }
        EXPECT_EQ(found, (std::vector<std::string>{"one", "two", "", "three"})) << step;
    }
    LineBuffer small(10);
    small.feed("12345\n12345678901");
    EXPECT_FALSE(small.too_long());  // there is a line to take first
    EXPECT_EQ(small.next(), "12345");
    EXPECT_EQ(small.next(), std::nullopt);
    EXPECT_TRUE(small.too_long());
}

}  // namespace
}  // namespace parley::admin
