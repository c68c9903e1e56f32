#include "admin/control.hpp"

#include <algorithm>
#include <utility>

#include "admin/federation_rule.hpp"
#include "base/text.hpp"
#include "im/room/user_name.hpp"
#include "xmpp/precis.hpp"

namespace parley::admin {
namespace {

constexpr std::size_t sha1_bytes = 20, sha256_bytes = 32;
constexpr std::size_t longest_salt = 256;
constexpr int fewest_iterations = 4096;  // RFC 5802 5.1

bool valid(const xmpp::ScramKeys& keys, std::size_t hash_bytes) {
    return !keys.salt.empty() && keys.salt.size() <= longest_salt && keys.iterations >= fewest_iterations &&
           keys.stored_key.size() == hash_bytes && keys.server_key.size() == hash_bytes;
}

const char* word(bool allowed) {
    return allowed ? "allow" : "deny";
}

Response no_account(const Error& why, const xmpp::Jid& user) {
    if (why.code == Errc::not_found) return Response::of(Outcome::refused, {"act.user-unknown", {user.to_string()}});
    return Response::of(Outcome::failed, {"act.storage-failed", {why.detail}});
}

}  // namespace

void Control::handle(Act request, std::string actor, Done done) {
    Context context{std::move(actor), std::string(verb_of(request)), {}, std::move(done)};
    std::visit([&](auto&& a) { act(std::forward<decltype(a)>(a), std::move(context)); }, std::move(request));
}

bool Control::audited(const Context& context, std::string detail) {
    const auto written = audit_.append({context.actor, context.verb, context.target, std::move(detail)}, clock_.wall());
    if (written) return true;
    context.done(Response::of(Outcome::failed, {"act.audit-failed", {written.error().detail}}));
    return false;
}

void Control::failed(const Context& context, const Error& error, const Message& refused) {
    // The line before the effect stands already; that it did not come about is told by a second one, as far as the disk
    // lets us.
    (void)audit_.append({context.actor, context.verb, context.target, "failed: " + std::string(to_string(error.code))},
                        clock_.wall());
    if (error.code == Errc::storage)
        context.done(Response::of(Outcome::failed, {"act.storage-failed", {error.detail}}));
    else
        context.done(Response::of(Outcome::refused, refused));
}

bool Control::ours(const std::string& domain) const {
    const auto domains = node_.domains();
    return std::find(domains.begin(), domains.end(), domain) != domains.end();
}

Result<xmpp::Jid> Control::user_of(const std::string& text, Message& problem) const {
    auto jid = xmpp::Jid::parse(text);
    if (!jid)
        problem = {"act.bad-jid", {text, jid.error().detail}};
    else if (jid->local().empty() || !jid->is_bare())
        problem = {"act.jid-needs-local", {text}};
    else if (!ours(jid->domain()))
        problem = {"act.domain-not-ours", {jid->domain(), join(node_.domains())}};
    else
        return jid;
    return Error{Errc::malformed, text};
}

Result<storage::Account> Control::account_of(const UserKeys& user, Message& problem) const {
    const auto jid = user_of(user.jid, problem);
    if (!jid) return jid.error();
    if (jid->local().starts_with(im::room_user_prefix)) {
        problem = {"act.name-of-room", {user.jid, std::string(im::room_user_prefix)}};
        return Error{Errc::malformed, user.jid};
    }
    if (!valid(user.sha1, sha1_bytes) || !valid(user.sha256, sha256_bytes)) {
        problem = {"act.bad-keys", {user.jid}};
        return Error{Errc::malformed, user.jid};
    }
    return storage::Account{*jid, user.sha1, user.sha256, false};
}

void Control::act(AddUser request, Context context) {
    Message problem{"act.bad-jid", {}};
    auto account = account_of(request.user, problem);
    if (!account) return context.done(Response::of(Outcome::refused, problem));
    const auto jid = account->jid.to_string();
    context.target = jid;
    if (!audited(context)) return;
    accounts_.create(*std::move(account), [this, jid, context = std::move(context)](Result<void> created) {
        if (!created) return failed(context, created.error(), {"act.user-exists", {jid}});
        context.done(Response::of(Outcome::done, {"act.user-added", {jid}}));
    });
}

void Control::act(SetPassword request, Context context) {
    Message problem{"act.bad-jid", {}};
    auto account = account_of(request.user, problem);
    if (!account) return context.done(Response::of(Outcome::refused, problem));
    context.target = account->jid.to_string();
    if (!audited(context)) return;
    const auto user = account->jid;
    accounts_.replace_keys(*std::move(account), [this, user, context = std::move(context)](Result<void> replaced) {
        if (!replaced) return failed(context, replaced.error(), {"act.user-unknown", {user.to_string()}});
        node_.end_sessions(user, NodeControl::Ended::password_changed);
        context.done(Response::of(Outcome::done, {"act.password-changed", {user.to_string()}}));
    });
}

void Control::act(ImportUsers request, Context context) {
    std::vector<storage::Account> accounts;
    accounts.reserve(request.users.size());
    for (const auto& user : request.users) {
        Message problem{"act.bad-jid", {}};
        auto account = account_of(user, problem);
        if (!account) return context.done(Response::of(Outcome::refused, problem));  // all or nothing
        accounts.push_back(*std::move(account));
    }
    context.target = std::to_string(accounts.size()) + " users";
    if (!audited(context,
                 accounts.empty() ? "" : accounts.front().jid.to_string() + " to " + accounts.back().jid.to_string()))
        return;
    std::vector<xmpp::Jid> users;
    users.reserve(accounts.size());
    for (const auto& account : accounts) users.push_back(account.jid);
    accounts_.create_many(
        std::move(accounts), [this, users = std::move(users), context = std::move(context)](Result<std::size_t> count) {
            if (!count) return failed(context, count.error(), {"act.storage-failed", {count.error().detail}});
            for (const auto& user : users)
                node_.end_sessions(user, NodeControl::Ended::password_changed);  // those that existed have a new one
            context.done(Response::of(Outcome::done, {"act.users-imported", {std::to_string(users.size())}}));
        });
}

void Control::act(DeleteUser request, Context context) {
    Message problem{"act.bad-jid", {}};
    const auto user = user_of(request.jid, problem);
    // A domain that was taken out of the configuration may still have users: they can be deleted.
    auto jid = user ? user : xmpp::Jid::parse(request.jid);
    if (!jid || problem.id == MessageId("act.jid-needs-local"))
        return context.done(Response::of(Outcome::refused, problem));
    context.target = jid->to_string();
    if (!audited(context)) return;
    accounts_.remove(*jid, [this, user = *jid, context = std::move(context)](Result<void> removed) {
        if (!removed) return failed(context, removed.error(), {"act.user-unknown", {user.to_string()}});
        node_.end_sessions(user, NodeControl::Ended::deleted);
        context.done(Response::of(Outcome::done, {"act.user-deleted", {user.to_string()}}));
    });
}

void Control::act(ListUsers request, Context context) {
    accounts_.list(to_lower(request.domain), [context = std::move(context)](Result<std::vector<xmpp::Jid>> users) {
        if (!users) return context.done(Response::of(Outcome::failed, {"act.storage-failed", {users.error().detail}}));
        std::vector<std::string> names;
        for (const auto& user : *users) names.push_back(user.to_string());
        const auto count = std::to_string(names.size());
        context.done(Response::of(Outcome::done, {"act.users", {count}}, std::move(names)));
    });
}

void Control::act(PutRule request, Context context) {
    auto& rule = request.rule;
    const auto domain = xmpp::prepare_domainpart(rule.domain);
    if (!domain)
        return context.done(Response::of(Outcome::refused, {"rule.bad-domain", {rule.domain, domain.error().detail}}));
    rule.domain = *domain;
    context.target = rule.domain;
    if (ours(rule.domain))
        return context.done(Response::of(Outcome::refused, {"act.federation-own-domain", {rule.domain}}));
    rule = made_plain(std::move(rule));
    auto wrong = why_invalid(rule);
    if (!wrong) wrong = why_legacy_invalid(rule, clock_.wall());
    if (wrong) return context.done(Response::of(Outcome::refused, *wrong));
    if (!audited(context, describe(rule))) return;
    const Message done = !rule.allowed ? Message{"act.federation-denied", {rule.domain}}
                         : rule.has_legacy_tls()
                             ? Message{"act.federation-allowed-legacy", {rule.domain, legacy_last_day(rule)}}
                             : Message{"act.federation-allowed", {rule.domain}};
    policy_.put(std::move(rule), [this, done, context = std::move(context)](Result<void> stored) mutable {
        if (!stored) return failed(context, stored.error(), {"act.storage-failed", {stored.error().detail}});
        tell_policy(std::move(context), done);
    });
}

void Control::act(RemoveRule request, Context context) {
    const auto prepared = xmpp::prepare_domainpart(request.domain);
    const auto domain = prepared ? *prepared : request.domain;
    context.target = domain;
    if (!audited(context)) return;
    policy_.remove(domain, [this, domain, context = std::move(context)](Result<void> removed) mutable {
        if (!removed) return failed(context, removed.error(), {"act.federation-unknown", {domain}});
        tell_policy(std::move(context), {"act.federation-removed", {domain}});
    });
}

void Control::act(SetFederationDefault request, Context context) {
    context.target = "xmpp";
    if (!audited(context, word(request.allowed))) return;
    policy_.set_default(request.allowed, [this, request, context = std::move(context)](Result<void> stored) mutable {
        if (!stored) return failed(context, stored.error(), {"act.storage-failed", {stored.error().detail}});
        tell_policy(std::move(context), {"act.federation-default", {word(request.allowed)}});
    });
}

// The rule is on disk; it is in force when every service has it.
void Control::tell_policy(Context context, Message done) {
    policy_.load([this, done = std::move(done), context = std::move(context)](Result<im::FederationPolicy> policy) {
        if (!policy)
            return context.done(Response::of(Outcome::failed, {"act.storage-failed", {policy.error().detail}}));
        node_.policy_changed(*policy);
        context.done(Response::of(Outcome::done, done));
    });
}

void Control::act(RetryFederation request, Context context) {
    const auto domain = xmpp::prepare_domainpart(request.domain);
    if (!domain)
        return context.done(
            Response::of(Outcome::refused, {"rule.bad-domain", {request.domain, domain.error().detail}}));
    context.target = *domain;
    if (ours(*domain)) return context.done(Response::of(Outcome::refused, {"act.federation-own-domain", {*domain}}));
    if (!audited(context)) return;
    node_.retry(*domain);
    context.done(Response::of(Outcome::done, {"act.federation-retried", {*domain}}));
}

void Control::act(ListFederation, Context context) {
    policy_.load([context = std::move(context)](Result<im::FederationPolicy> policy) {
        if (!policy)
            return context.done(Response::of(Outcome::failed, {"act.storage-failed", {policy.error().detail}}));
        const Message done{"act.federation",
                           {word(policy->xmpp_default_allowed), std::to_string(policy->rules.size())}};
        context.done(Response::of(Outcome::done, done, *std::move(policy)));
    });
}

void Control::act(GetStatus, Context context) {
    auto status = node_.status();
    const auto name = status.node_name;
    context.done(Response::of(Outcome::done, {"act.status", {name}}, std::move(status)));
}

void Control::act(Reload, Context context) {
    context.target = "configuration";
    if (!audited(context)) return;
    auto report = node_.reload();
    const bool applied = report.applied;
    const bool changed = !report.live.empty() || !report.restart.empty();
    if (!applied)
        (void)audit_.append(
            {context.actor, context.verb, context.target, "failed: the old configuration stays in force"},
            clock_.wall());
    const Message done{!applied  ? MessageId("reload.refused")
                       : changed ? MessageId("reload.done")
                                 : MessageId("reload.unchanged"),
                       {}};
    context.done(Response::of(applied ? Outcome::done : Outcome::failed, done, std::move(report)));
}

void Control::act(GetPolicy request, Context context) {
    Message problem{"act.bad-jid", {}};
    const auto user = user_of(request.jid, problem);
    if (!user) return context.done(Response::of(Outcome::refused, problem));
    auto with_account = [this, user = *user,
                         context = std::move(context)](const Result<storage::Account>& account) mutable {
        if (!account) return context.done(no_account(account.error(), user));
        node_.user_policy(user, [user, context = std::move(context)](Result<im::UserPolicy> policy) {
            if (!policy)
                return context.done(Response::of(Outcome::failed, {"act.storage-failed", {policy.error().detail}}));
            const Message done{"act.policy", {user.to_string(), std::to_string(policy->size())}};
            context.done(Response::of(Outcome::done, done, *std::move(policy)));
        });
    };
    accounts_.load(*user, std::move(with_account));
}

void Control::act(ChangePolicy request, Context context) {
    Message problem{"act.bad-jid", {}};
    const auto user = user_of(request.jid, problem);
    if (!user) return context.done(Response::of(Outcome::refused, problem));
    im::PolicyChange change;
    change.inside = request.inside;
    change.outside = request.outside;
    std::string detail;
    const auto add = [&](const std::string& text) { detail += (detail.empty() ? "" : ", ") + text; };
    if (request.inside) add("inside " + std::string(to_string(*request.inside)));
    if (request.outside) add("outside " + std::string(to_string(*request.outside)));
    for (const auto& text : request.who) {
        const auto who = xmpp::Jid::parse(text);
        if (!who) return context.done(Response::of(Outcome::refused, {"act.bad-jid", {text, who.error().detail}}));
        if (!im::may_be_listed(*user, *who))
            return context.done(Response::of(Outcome::refused, {"act.policy-own", {who->to_string()}}));
        add((request.verdict ? std::string(to_string(*request.verdict)) : "unset") + ' ' + who->to_string());
        if (request.verdict)
            change.put.push_back({*who, *request.verdict, im::DecidedBy::administrator, clock_.wall()});
        else
            change.remove.push_back(*who);
    }
    if (change.empty()) return context.done(Response::of(Outcome::refused, {"act.policy-nothing", {}}));
    context.target = user->to_string();
    auto with_account = [this, user = *user, change = std::move(change), detail = std::move(detail),
                         context = std::move(context)](const Result<storage::Account>& account) mutable {
        if (!account) return context.done(no_account(account.error(), user));
        if (!audited(context, detail)) return;
        auto done = [this, user, context = std::move(context)](const Result<>& changed) {
            if (!changed) return failed(context, changed.error(), {"act.policy-full", {user.to_string()}});
            context.done(Response::of(Outcome::done, {"act.policy-changed", {user.to_string()}}));
        };
        node_.change_user_policy(user, std::move(change), std::move(done));
    };
    accounts_.load(*user, std::move(with_account));
}

void Control::explain(Look request, Context context) {
    bool any_of_ours = false;
    for (auto* name : {&request.watcher, &request.target}) {
        const auto jid = xmpp::Jid::parse(*name);
        if (!jid) return context.done(Response::of(Outcome::refused, {"act.bad-jid", {*name, jid.error().detail}}));
        if (jid->local().empty()) return context.done(Response::of(Outcome::refused, {"act.jid-needs-local", {*name}}));
        *name = jid->bare().to_string();
        any_of_ours = any_of_ours || ours(jid->domain());
    }
    if (!any_of_ours)
        return context.done(
            Response::of(Outcome::refused, {"act.explain-not-ours", {request.watcher, request.target}}));
    node_.look(request, [request, context = std::move(context)](Report report) {
        const Message done{report.good ? MessageId("act.explain-good") : MessageId("act.explain-bad"),
                           {request.watcher, request.target}};
        context.done(Response::of(Outcome::done, done, std::move(report)));
    });
}

void Control::act(Look request, Context context) {
    using At = Look::At;
    if (request.at == At::explain) return explain(std::move(request), std::move(context));
    for (auto* name : {&request.domain, &request.from}) {
        if (name->empty()) continue;
        const auto prepared = xmpp::prepare_domainpart(*name);
        if (!prepared)
            return context.done(Response::of(Outcome::refused, {"rule.bad-domain", {*name, prepared.error().detail}}));
        *name = *prepared;
    }
    const bool of_partner = request.at == At::partner || request.at == At::test || request.at == At::history;
    const bool of_ours = request.at == At::test || request.at == At::dns_plan || request.at == At::sheet;
    const auto& local = request.at == At::test ? request.from : request.domain;
    if (of_partner && ours(request.domain))
        return context.done(Response::of(Outcome::refused, {"act.federation-own-domain", {request.domain}}));
    if (!local.empty() && of_ours && !ours(local))
        return context.done(Response::of(Outcome::refused, {"act.domain-not-ours", {local, join(node_.domains())}}));
    node_.look(request, [request, domains = node_.domains(), context = std::move(context)](Report report) {
        Message done{"act.report-show", {request.domain}};
        if (request.at == At::sessions) done = {"act.report-sessions", {std::to_string(report.findings.size())}};
        if (request.at == At::dns_plan) done = {"act.report-plan", {request.domain}};
        if (request.at == At::sheet) done = {"act.report-sheet", {join(domains)}};
        if (request.at == At::history)
            done = {report.findings.empty() ? MessageId("act.report-history-none") : MessageId("act.report-history"),
                    {request.domain, std::to_string(report.findings.size())}};
        if (request.at == At::refusals && !request.domain.empty())
            done = {
                report.findings.empty() ? MessageId("act.report-refusals-none") : MessageId("act.report-refusals-of"),
                {request.domain, std::to_string(report.findings.size())}};
        else if (request.at == At::refusals)
            done = {"act.report-refusals", {std::to_string(report.findings.size())}};
        if (request.at == At::test)
            done = {report.good ? MessageId("act.test-good") : MessageId("act.test-bad"), {request.domain}};
        if (const auto warnings = report.count(Finding::Verdict::warning);
            request.at == At::test && report.good && warnings > 0)
            done = {"act.test-warnings", {request.domain, std::to_string(warnings)}};
        context.done(Response::of(Outcome::done, done, std::move(report)));
    });
}

}  // namespace parley::admin
