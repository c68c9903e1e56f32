#include "admin/control.hpp"

#include <filesystem>
#include <fstream>
#include <map>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "admin/federation_rule.hpp"

namespace parley::admin {
namespace {

// Stores that answer at once, and fail when told to.
struct Accounts final : storage::AccountStore {
    void load(xmpp::Jid user, storage::Done<storage::Account> done) override {
        const auto found = rows.find(user);
        done(found == rows.end() ? Result<storage::Account>(Error{Errc::not_found, {}}) : found->second);
    }
    void create(storage::Account account, storage::Done<> done) override {
        if (full) return done(Error{Errc::storage, "disk full"});
        const bool fresh = rows.try_emplace(account.jid, account).second;
        done(fresh ? Result<void>() : Error{Errc::conflict, {}});
    }
    void create_many(std::vector<storage::Account> accounts, storage::Done<std::size_t> done) override {
        if (full) return done(Error{Errc::storage, "disk full"});
        for (auto& account : accounts) rows[account.jid] = account;
        done(accounts.size());
    }
    void replace_keys(storage::Account account, storage::Done<> done) override {
        const auto found = rows.find(account.jid);
        if (found == rows.end()) return done(Error{Errc::not_found, {}});
        found->second = account;
        done({});
    }
    void remove(xmpp::Jid user, storage::Done<> done) override {
        done(rows.erase(user) != 0 ? Result<void>() : Error{Errc::not_found, {}});
    }
    void list(std::string domain, storage::Done<std::vector<xmpp::Jid>> done) override {
        std::vector<xmpp::Jid> out;
        for (const auto& [jid, account] : rows)
            if (domain.empty() || jid.domain() == domain) out.push_back(jid);
        done(std::move(out));
    }
    std::map<xmpp::Jid, storage::Account> rows;
    bool full = false;
};

struct Policy final : storage::PolicyStore {
    void load(storage::Done<im::FederationPolicy> done) override { done(value); }
    void put(im::DomainRule rule, storage::Done<> done) override {
        value.rules[rule.domain] = rule;
        done({});
    }
    void remove(std::string domain, storage::Done<> done) override {
        done(value.rules.erase(domain) != 0 ? Result<void>() : Error{Errc::not_found, {}});
    }
    void set_default(bool allowed, storage::Done<> done) override {
        value.xmpp_default_allowed = allowed;
        done({});
    }
    im::FederationPolicy value;
};

struct FakeNode final : NodeControl {
    std::vector<std::string> domains() const override { return {"a.example", "b.example"}; }
    NodeStatus status() const override {
        NodeStatus status;
        status.node_name = "one";
        return status;
    }
    ReloadReport reload() override { return report; }
    void end_sessions(const xmpp::Jid& user, Ended why) override { ended.emplace_back(user.to_string(), why); }
    void look(const Look& look, Function<void(Report)> done) override {
        looked = look;
        Report found;
        found.good = false;
        done(std::move(found));
    }
    void user_policy(const xmpp::Jid& user, Function<void(Result<im::UserPolicy>)> done) override {
        done(policies[user]);
    }
    void change_user_policy(const xmpp::Jid& user, im::PolicyChange change, Function<void(Result<>)> done) override {
        if (full) return done(Error{Errc::too_long, user.to_string()});
        policies[user].apply(change);
        done({});
    }
    im::Tracer* tracer() override { return runs ? &traces : nullptr; }
    void trace_started() override { ++traces_started; }
    std::map<xmpp::Jid, im::UserPolicy> policies;
    bool full = false, runs = true;
    im::Tracer traces;
    int traces_started = 0;
    std::vector<std::string> retried;
    Look looked;
    void policy_changed(const im::FederationPolicy& policy) override { told.push_back(policy); }
    void retry(const std::string& domain) override { retried.push_back(domain); }
    ReloadReport report;
    std::vector<std::pair<std::string, Ended>> ended;
    std::vector<im::FederationPolicy> told;
};

class ControlTest : public testing::Test {
protected:
    ControlTest()
        : file_((std::filesystem::temp_directory_path() / ("parley-audit-" + std::to_string(::getpid()))).string()) {
        std::filesystem::remove(file_);
        audit_.emplace(*AuditLog::open(file_));
        control_.emplace(accounts_, policy_, node_, *audit_, clock_);
    }
    ~ControlTest() override { std::filesystem::remove(file_); }

    Response ask(Act act) {
        std::optional<Response> answer;
        control_->handle(std::move(act), "uid 7 (carol)", [&](Response response) { answer = std::move(response); });
        EXPECT_TRUE(answer.has_value());
        return answer.value_or(Response{});
    }
    std::string said(Act act) {
        const auto answer = ask(std::move(act));
        return (answer.outcome == Outcome::done      ? ""
                : answer.outcome == Outcome::refused ? "refused: "
                                                     : "failed: ") +
               answer.text(Language::english);
    }
    std::vector<std::string> audit_lines() const {
        std::vector<std::string> out;
        std::ifstream in(file_);
        for (std::string line; std::getline(in, line);) out.push_back(line);
        return out;
    }
    static UserKeys user(const std::string& jid) {
        return {jid,
                {"salt", 10'000, std::string(20, 'a'), std::string(20, 'b')},
                {"salt", 10'000, std::string(32, 'a'), std::string(32, 'b')}};
    }

    std::string file_;
    std::optional<AuditLog> audit_;
    SystemClock clock_;
    Accounts accounts_;
    Policy policy_;
    FakeNode node_;
    std::optional<Control> control_;
};

TEST_F(ControlTest, UsersComeAndGo) {
    EXPECT_EQ(said(AddUser{user("Alice@a.example")}), "alice@a.example is added");
    EXPECT_EQ(said(AddUser{user("alice@a.example")}), "refused: alice@a.example exists already");
    EXPECT_EQ(said(AddUser{user("bob@other.example")}),
              "refused: other.example is not a domain of this node; these are: a.example, b.example");
    EXPECT_EQ(said(AddUser{user("a.example")}), "refused: \"a.example\" is not a user's address; write user@domain");
    EXPECT_EQ(said(AddUser{user("alice@a.example/x")}),
              "refused: \"alice@a.example/x\" is not a user's address; write user@domain");
    EXPECT_EQ(
        said(AddUser{user("room+tea@a.example")}),
        "refused: room+tea@a.example: no user's name begins with \"room+\": SIP partners know rooms by such names");
    EXPECT_EQ(said(SetPassword{user("bob@b.example")}), "refused: there is no user bob@b.example");
    EXPECT_TRUE(node_.ended.empty());
    EXPECT_EQ(said(SetPassword{user("alice@a.example")}),
              "alice@a.example has a new password; running sessions are ended");
    EXPECT_EQ(said(ImportUsers{{user("x@a.example"), user("y@b.example")}}), "users stored: 2");
    const auto listed = ask(ListUsers{"A.example"});
    EXPECT_EQ(std::get<std::vector<std::string>>(listed.payload),
              (std::vector<std::string>{"alice@a.example", "x@a.example"}));
    EXPECT_EQ(said(DeleteUser{"alice@a.example"}), "alice@a.example is deleted, with roster and stored messages");
    EXPECT_EQ(said(DeleteUser{"alice@a.example"}), "refused: there is no user alice@a.example");
    ASSERT_EQ(node_.ended.size(), 4u);
    EXPECT_EQ(node_.ended[0], std::pair(std::string("alice@a.example"), NodeControl::Ended::password_changed));
    EXPECT_EQ(node_.ended[3], std::pair(std::string("alice@a.example"), NodeControl::Ended::deleted));
}

TEST_F(ControlTest, OneWrongUserStopsAnImport) {
    auto weak = user("y@a.example");
    weak.sha256.iterations = 100;
    EXPECT_EQ(said(ImportUsers{{user("x@a.example"), weak}}), "refused: the keys sent for y@a.example are not valid");
    EXPECT_TRUE(accounts_.rows.empty());
}

TEST_F(ControlTest, WhatAProfileMeansIsWrittenIntoTheRule) {
    im::DomainRule rule;
    rule.domain = "partner.example";
    rule.profile = "ocs";
    EXPECT_EQ(said(PutRule{rule}), "partner.example is allowed");
    EXPECT_EQ(policy_.value.rules["partner.example"].transport, im::Transport::sip);
    rule.profile = "parley";
    EXPECT_EQ(said(PutRule{rule}), "partner.example is allowed");
    EXPECT_EQ(policy_.value.rules["partner.example"].transport, im::Transport::automatic);
    rule.next_hop = "192.0.2.1:5061";
    EXPECT_EQ(said(PutRule{rule}),
              "refused: a next hop is not found by DNS, so say what it speaks: --via xmpp or --via sip");
}

TEST_F(ControlTest, OldTlsHasALastDay) {
    im::DomainRule rule;
    rule.domain = "partner.example";
    rule.transport = im::Transport::sip;
    const auto in = [&](int days) {
        const auto day = std::chrono::floor<std::chrono::days>(clock_.wall()) + std::chrono::days{days + 1};
        rule.legacy_tls_until = TimePoint{day};
        return said(PutRule{rule});
    };
    EXPECT_TRUE(in(-1).ends_with("the last day of old TLS, is over"));
    EXPECT_TRUE(in(longest_legacy_days + 1).starts_with("refused: old TLS can be allowed for 400 days at most"));
    EXPECT_TRUE(in(0).starts_with("partner.example is allowed, with old TLS"));
    EXPECT_TRUE(policy_.value.rules["partner.example"].legacy_tls(clock_.wall()));
    EXPECT_FALSE(policy_.value.rules["partner.example"].legacy_tls(clock_.wall() + std::chrono::days{1}));
    rule.next_hop = "192.0.2.1:5060";
    rule.next_hop_tls = false;
    EXPECT_EQ(in(1), "refused: old TLS and no TLS exclude each other");
    rule.transport = im::Transport::xmpp;
    EXPECT_TRUE(in(1).starts_with("refused: old TLS is for SIP partners only"));
    EXPECT_EQ(legacy_last_day(rule).size(), 10u);
    EXPECT_EQ(parse_last_day(legacy_last_day(rule)), rule.legacy_tls_until);
    for (const auto* wrong : {"", "2027-02-30", "27-02-01", "2027/02/01", "2027-2-1", "tomorrow!!"})
        EXPECT_FALSE(parse_last_day(wrong)) << wrong;
}

TEST_F(ControlTest, LooksAreForPartnersOrForOurDomains) {
    using At = Look::At;
    EXPECT_EQ(said(Look{At::test, "A.example", ""}), "refused: a.example is a domain of this node, not a partner");
    EXPECT_EQ(said(Look{At::test, "Partner.example", "B.example"}),
              "a message to partner.example would not get through");
    EXPECT_EQ(node_.looked.domain, "partner.example");
    EXPECT_EQ(node_.looked.from, "b.example");
    EXPECT_TRUE(said(Look{At::test, "partner.example", "c.example"}).starts_with("refused: c.example is not a domain"));
    EXPECT_TRUE(said(Look{At::dns_plan, "c.example", ""}).starts_with("refused: c.example is not a domain"));
    EXPECT_EQ(said(Look{At::dns_plan, "b.example", ""}), "records and names for b.example");
    EXPECT_EQ(said(Look{At::sessions, "", ""}), "open message sessions with SIP partners: 0");
}

TEST_F(ControlTest, AUsersPolicyIsChangedAndAudited) {
    using im::Verdict;
    ASSERT_EQ(said(AddUser{user("alice@a.example")}), "alice@a.example is added");
    EXPECT_EQ(said(ChangePolicy{"Alice@a.example", {}, {}, {"bob@X.example", "y.example"}, Verdict::block}),
              "the policy of alice@a.example is changed and in force");
    EXPECT_EQ(said(ChangePolicy{"alice@a.example", Verdict::allow, {}, {"bob@x.example"}, {}}),
              "the policy of alice@a.example is changed and in force");
    const auto answer = ask(GetPolicy{"alice@a.example"});
    EXPECT_EQ(answer.text(Language::english), "alice@a.example has decided about people and domains: 1");
    const auto& policy = std::get<im::UserPolicy>(answer.payload);
    EXPECT_EQ(policy.inside, Verdict::allow);
    EXPECT_TRUE(policy.blocks(*xmpp::Jid::parse("anybody@y.example")));
    EXPECT_EQ(policy.entries().front().by, im::DecidedBy::administrator);
    const auto lines = audit_lines();
    ASSERT_EQ(lines.size(), 3u);
    EXPECT_NE(lines[1].find("block bob@x.example, block y.example"), std::string::npos) << lines[1];
    EXPECT_NE(lines[2].find("inside allow, unset bob@x.example"), std::string::npos) << lines[2];

    EXPECT_EQ(said(ChangePolicy{"alice@a.example", {}, {}, {"alice@a.example/desk"}, Verdict::block}),
              "refused: alice@a.example/desk is the user itself: nobody allows or blocks oneself");
    EXPECT_TRUE(said(ChangePolicy{"alice@a.example", {}, {}, {"@"}, Verdict::block}).starts_with("refused: "));
    EXPECT_TRUE(said(ChangePolicy{"alice@a.example", {}, {}, {}, {}}).starts_with("refused: nothing is to be changed"));
    EXPECT_EQ(said(ChangePolicy{"nobody@a.example", {}, {}, {"x.example"}, Verdict::block}),
              "refused: there is no user nobody@a.example");
    EXPECT_EQ(said(GetPolicy{"nobody@a.example"}), "refused: there is no user nobody@a.example");
    EXPECT_TRUE(said(GetPolicy{"bob@x.example"}).starts_with("refused: x.example is not a domain"));
    node_.full = true;
    EXPECT_TRUE(said(ChangePolicy{"alice@a.example", {}, {}, {"z.example"}, Verdict::block})
                    .starts_with("refused: the policy list of alice@a.example is full"));
    EXPECT_EQ(audit_lines().size(), 5u);
}

TEST_F(ControlTest, AnExplanationNeedsOneOfOurs) {
    Look look;
    look.at = Look::At::explain;
    look.watcher = "Bob@x.example/phone";
    look.target = "alice@A.example";
    EXPECT_EQ(said(look), "bob@x.example does not see alice@a.example, or sees alice@a.example offline for ever");
    EXPECT_EQ(node_.looked.watcher, "bob@x.example");
    EXPECT_EQ(node_.looked.target, "alice@a.example");
    look.target = "carol@y.example";
    EXPECT_EQ(said(look), "refused: neither bob@x.example nor carol@y.example is a user of this node");
    look.target = "a.example";
    EXPECT_TRUE(said(look).starts_with("refused: "));
    look.target = "@";
    EXPECT_TRUE(said(look).starts_with("refused: "));
}

TEST_F(ControlTest, PartnersAreLiveAtOnce) {
    im::DomainRule rule;
    rule.domain = "Partner.EXAMPLE";
    rule.comment = "sales";
    EXPECT_EQ(said(PutRule{rule}), "partner.example is allowed");
    ASSERT_EQ(node_.told.size(), 1u);
    EXPECT_TRUE(node_.told[0].rules.contains("partner.example"));
    rule.domain = "a.example";
    EXPECT_EQ(said(PutRule{rule}), "refused: a.example is a domain of this node, not a partner");
    rule.domain = "spam.example";
    rule.allowed = false;
    EXPECT_EQ(said(PutRule{rule}), "spam.example is denied");
    EXPECT_EQ(said(SetFederationDefault{true}), "XMPP domains without a rule are now: allow");
    EXPECT_EQ(said(RemoveRule{"nobody.example"}), "refused: there is no rule for nobody.example");
    EXPECT_EQ(said(RemoveRule{"SPAM.example"}), "spam.example has no rule any more");
    EXPECT_EQ(node_.told.size(), 4u);
    EXPECT_TRUE(node_.told.back().xmpp_default_allowed);
    EXPECT_EQ(std::get<im::FederationPolicy>(ask(ListFederation{}).payload).rules.size(), 1u);
}

TEST_F(ControlTest, EveryActHasItsLineAndItsFailureAnother) {
    ask(AddUser{user("alice@a.example")});
    ask(AddUser{user("alice@a.example")});
    ask(GetStatus{});
    ask(ListUsers{});
    const auto lines = audit_lines();
    ASSERT_EQ(lines.size(), 3u);  // looking is no act
    for (const auto& line : lines) {
        EXPECT_NE(line.find("\"actor\":\"uid 7 (carol)\",\"act\":\"user.add\",\"target\":\"alice@a.example\""),
                  std::string::npos)
            << line;
        EXPECT_EQ(line.find("salt"), std::string::npos);
    }
    EXPECT_NE(lines[2].find("failed: conflict"), std::string::npos);
    accounts_.full = true;
    EXPECT_EQ(said(AddUser{user("bob@a.example")}),
              "failed: the store did not take it; nothing has changed: disk full");
    EXPECT_EQ(audit_lines().size(), 5u);
}

TEST_F(ControlTest, WithoutItsLineNothingHappens) {
    audit_.emplace(*AuditLog::open("/dev/full"));
    EXPECT_TRUE(said(AddUser{user("alice@a.example")})
                    .starts_with("failed: the audit line could not be written; nothing has changed"));
    EXPECT_TRUE(said(Reload{}).starts_with("failed: "));
    EXPECT_TRUE(accounts_.rows.empty());
}

TEST_F(ControlTest, ReloadSaysWhetherItWasApplied) {
    EXPECT_EQ(said(Reload{}), "failed: the configuration has errors; the old one stays in force");
    node_.report.applied = true;
    EXPECT_EQ(said(Reload{}), "the configuration has not changed; certificates are read again");
    node_.report.live = {"log.level"};
    EXPECT_EQ(said(Reload{}), "the configuration is applied");
}

TEST(FederationRule, CellsThatCouldNeverWorkAreRefused) {
    struct Case {
        const char* what;
        void (*change)(im::DomainRule&);
        const char* id;  // nullptr: fine
    };
    using im::TlsPolicy;
    using im::Transport;
    for (const auto& c : {
             Case{"plain", [](im::DomainRule&) {}, nullptr},
             Case{"dialback inside TLS", [](im::DomainRule& r) { r.dialback = true; }, nullptr},
             Case{"no TLS, no dialback", [](im::DomainRule& r) { r.tls = TlsPolicy::off; },
                  "rule.tls-off-needs-dialback"},
             Case{"no TLS, dialback only inside TLS",
                  [](im::DomainRule& r) {
                      r.tls = TlsPolicy::off;
                      r.dialback = true;
                  },
                  "rule.tls-off-needs-dialback"},
             Case{"no TLS, plain dialback",
                  [](im::DomainRule& r) {
                      r.tls = TlsPolicy::off;
                      r.plain_dialback = true;
                  },
                  nullptr},
             Case{"plain dialback, TLS required", [](im::DomainRule& r) { r.plain_dialback = true; },
                  "rule.plain-dialback-with-tls"},
             Case{"dialback over SIP",
                  [](im::DomainRule& r) {
                      r.transport = Transport::sip;
                      r.dialback = true;
                  },
                  "rule.dialback-is-xmpp"},
             Case{"TCP without next hop",
                  [](im::DomainRule& r) {
                      r.transport = Transport::sip;
                      r.next_hop_tls = false;
                  },
                  "rule.tcp-needs-next-hop"},
             Case{"TCP to a next hop",
                  [](im::DomainRule& r) {
                      r.transport = Transport::sip;
                      r.next_hop_tls = false;
                      r.next_hop = "192.0.2.1:5060";
                  },
                  nullptr},
             Case{"next hop without port", [](im::DomainRule& r) { r.next_hop = "edge.example"; },
                  "rule.next-hop-form"},
             Case{"next hop IPv6",
                  [](im::DomainRule& r) {
                      r.transport = Transport::sip;
                      r.next_hop = "[2001:db8::1]:5061";
                  },
                  nullptr},
             Case{"next hop of an unknown protocol", [](im::DomainRule& r) { r.next_hop = "192.0.2.1:5061"; },
                  "rule.next-hop-needs-via"},
             Case{"unknown profile", [](im::DomainRule& r) { r.profile = "skype"; }, "rule.profile-unknown"},
             Case{"ocs via xmpp",
                  [](im::DomainRule& r) {
                      r.profile = "ocs";
                      r.transport = Transport::xmpp;
                  },
                  "rule.profile-other-transport"},
             Case{"ocs", [](im::DomainRule& r) { r.profile = "ocs"; }, nullptr},
             Case{"sametime via sip",
                  [](im::DomainRule& r) {
                      r.profile = "sametime";
                      r.transport = Transport::sip;
                  },
                  "rule.profile-other-transport"},
             Case{"no direct TLS over SIP",
                  [](im::DomainRule& r) {
                      r.transport = Transport::sip;
                      r.direct_tls = false;
                  },
                  "rule.setting-is-xmpp"},
             Case{"nothing that could prove the partner", [](im::DomainRule& r) { r.external_in = false; },
                  "rule.nothing-proves-them"},
             Case{"a certificate that is not asked for", [](im::DomainRule& r) { r.ask_certificate = false; },
                  "rule.unasked-needs-dialback"},
             Case{"nothing that could prove us", [](im::DomainRule& r) { r.external_out = false; },
                  "rule.nothing-proves-us"},
             Case{"neither, with dialback",
                  [](im::DomainRule& r) {
                      r.external_in = r.external_out = r.ask_certificate = false;
                      r.dialback = true;
                  },
                  nullptr},
             Case{"a release of anybody", [](im::DomainRule& r) { r.release = "8.6"; }, "rule.release-needs-profile"},
             Case{"CUP 8",
                  [](im::DomainRule& r) {
                      r.profile = "cup";
                      r.release = "8.6";
                  },
                  nullptr},
             Case{"CUP 7",
                  [](im::DomainRule& r) {
                      r.profile = "cup";
                      r.release = "7.0(4)";
                  },
                  "rule.release-refused"},
             Case{"CUP 7, denied",
                  [](im::DomainRule& r) {
                      r.profile = "cup";
                      r.release = "7";
                      r.allowed = false;
                  },
                  nullptr},
             Case{"a release like a novel",
                  [](im::DomainRule& r) {
                      r.profile = "cup";
                      r.release.assign(65, '8');
                  },
                  "rule.release-form"},
             Case{"odd name", [](im::DomainRule& r) { r.tls_names = {"not a name"}; }, "rule.tls-name-form"},
             Case{"long comment", [](im::DomainRule& r) { r.comment.assign(2000, 'x'); }, "rule.comment-too-long"},
         }) {
        SCOPED_TRACE(c.what);
        im::DomainRule rule;
        rule.domain = "partner.example";
        c.change(rule);
        const auto wrong = why_invalid(rule);
        EXPECT_EQ(wrong ? std::string(wrong->id.name()) : "", c.id == nullptr ? "" : c.id);
    }
}

TEST_F(ControlTest, FollowsMessagesAndPutsWhoDoesSoIntoTheAuditLog) {
    using Do = Trace::Do;
    const auto trace = [](Do what, std::string who = {}, std::string with = {}) {
        Trace act;
        act.what = what;
        (what == Do::start ? act.who : act.key) = std::move(who);
        act.with = std::move(with);
        return act;
    };
    EXPECT_EQ(said(trace(Do::list)), "traces: 0");
    EXPECT_TRUE(said(trace(Do::show)).starts_with("refused: there is no trace")) << said(trace(Do::show));
    EXPECT_TRUE(said(trace(Do::start, "a@b@c")).starts_with("refused: "));
    EXPECT_EQ(node_.traces_started, 0);
    EXPECT_TRUE(audit_lines().empty());

    auto start = trace(Do::start, "Alice@a.example/desk", "partner.example");
    start.minutes = 0;
    EXPECT_EQ(said(start), "refused: a trace runs for 1 to 1440 minutes");
    start.minutes = 10;
    start.bodies = true;
    EXPECT_EQ(said(start),
              "trace 1 follows alice@a.example for 10 minutes; parleyctl trace show 1 tells what it has seen");
    EXPECT_EQ(node_.traces_started, 1);
    ASSERT_EQ(audit_lines().size(), 1U);
    for (const char* part : {"trace.start", "alice@a.example", "10 minutes", "with partner.example", "bodies"})
        EXPECT_NE(audit_lines().back().find(part), std::string::npos) << audit_lines().back();

    im::TraceEvent event;
    event.at = clock_.wall();
    event.body = "hello";
    node_.traces.record(*xmpp::Jid::parse("alice@a.example"), *xmpp::Jid::parse("x@partner.example"), event);
    auto show = trace(Do::show, "ALICE@a.example");
    EXPECT_EQ(std::get<TraceReport>(ask(show).payload).events.at(0).body, std::nullopt);
    EXPECT_EQ(audit_lines().size(), 1U);
    show.bodies = true;
    EXPECT_EQ(std::get<TraceReport>(ask(show).payload).events.at(0).body, "hello");
    EXPECT_EQ(audit_lines().size(), 2U) << "who reads what people write is in the log";

    EXPECT_EQ(said(trace(Do::stop)), "trace 1 of alice@a.example is ended; events: 1");
    EXPECT_FALSE(node_.traces.on());
    auto forget = trace(Do::stop, "1");
    forget.forget = true;
    EXPECT_EQ(said(forget), "trace 1 of alice@a.example is ended and forgotten; events: 1");
    EXPECT_TRUE(said(trace(Do::show, "1")).starts_with("refused: there is no trace 1"));
    for (std::size_t i = 0; i < im::most_traces; ++i) ask(trace(Do::start, "a.example"));
    EXPECT_EQ(said(trace(Do::start, "a.example")), "refused: 8 traces run already; end one: parleyctl trace stop N");
    node_.runs = false;
    EXPECT_EQ(said(trace(Do::list)), "refused: this needs a running parleyd");
}

}  // namespace
}  // namespace parley::admin
