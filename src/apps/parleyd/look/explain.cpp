#include "apps/parleyd/look/explain.hpp"

#include "gateway/profile.hpp"

namespace parley::look {
namespace {

using admin::Message;
using admin::MessageId;

class Explanation {
public:
    Explanation(const Parts& parts, const ExplainFacts& facts)
        : parts_(parts), facts_(facts), watcher_(facts.watcher.to_string()), target_(facts.target.to_string()) {}

    admin::Report report() && {
        people();
        if (!report_.good) return std::move(report_);
        domain();
        policy();
        subscription();
        mapping();
        route();
        events();
        return std::move(report_);
    }

private:
    void good(const char* step, const std::string& subject, Message what) {
        report_.add(step, subject, Verdict::good, std::move(what));
    }
    void note(const char* step, const std::string& subject, Message what, std::optional<Message> fix = {}) {
        report_.add(step, subject, Verdict::note, std::move(what), std::move(fix));
    }
    void closed(const char* step, const std::string& subject, Message what, std::optional<Message> fix = {}) {
        report_.add(step, subject, Verdict::problem, std::move(what), std::move(fix));
        report_.good = false;
    }
    const xmpp::Jid& foreigner() const { return facts_.of_watcher ? facts_.target : facts_.watcher; }
    bool both_ours() const { return facts_.of_watcher && facts_.of_target; }

    void people() {
        for (const auto& [who, facts] :
             {std::pair(watcher_, &facts_.of_watcher), std::pair(target_, &facts_.of_target)})
            if (*facts && !(*facts)->exists) closed("person", who, {"act.user-unknown", {who}});
    }

    void domain() {
        if (both_ours()) return good("domain", facts_.target.domain(), {"explain.domain-ours", {}});
        const auto& name = foreigner().domain();
        const auto in_force = parts_.settings();
        const auto& policy = in_force->policy;
        if (policy.route(name))
            good(
                "domain", name,
                policy.rule(name) ? Message{"explain.domain-rule", {name}} : Message{"explain.domain-default", {name}});
        else
            closed("domain", name, {"explain.domain-denied", {name}}, Message{"fix.allow", {name}});
        if (!policy.may_begin(name, !facts_.of_watcher))
            note("domain", name, {"explain.domain-one-way", {name}}, Message{"fix.direction", {name}});
    }

    void policy() {
        if (!facts_.of_target) {
            note("policy", target_, {"explain.policy-theirs", {target_}});
        } else {
            const auto& policy = facts_.of_target->policy;
            const bool inside = facts_.of_watcher.has_value();
            const auto decision = policy.decide(facts_.watcher, inside);
            const auto word = std::string(to_string(decision.verdict));
            if (decision.entry) {
                const Message what{decision.verdict == im::Verdict::block ? MessageId("explain.policy-blocks")
                                                                          : MessageId("explain.policy-allows"),
                                   {target_, decision.entry->who.to_string(),
                                    std::string(to_string(decision.entry->by)), time_text(decision.entry->at)}};
                if (decision.verdict == im::Verdict::block)
                    closed("policy", target_, what,
                           Message{"fix.policy-unset", {target_, decision.entry->who.to_string(), watcher_}});
                else
                    good("policy", target_, what);
            } else {
                const Message what{inside ? MessageId("explain.policy-inside") : MessageId("explain.policy-outside"),
                                   {target_, watcher_, word}};
                decision.verdict == im::Verdict::allow
                    ? good("policy", target_, what)
                    : note("policy", target_, what, Message{"fix.policy-allow", {target_, watcher_}});
            }
        }
        if (!facts_.of_watcher) return;
        const auto own = facts_.of_watcher->policy.find(facts_.target);
        if (own && own->verdict == im::Verdict::block)
            closed("policy", watcher_,
                   {"explain.policy-blocks",
                    {watcher_, own->who.to_string(), std::string(to_string(own->by)), time_text(own->at)}},
                   Message{"fix.policy-unset", {watcher_, own->who.to_string(), target_}});
    }

    void subscription() {
        if (facts_.of_target) {
            const auto& item = facts_.of_target->item;
            const Message ask{"fix.ask", {watcher_, target_}};
            if (item && item->has_from())
                good("subscription", target_, {"explain.lets-in", {target_, watcher_}});
            else if (item && item->pending_in)
                closed("subscription", target_, {"explain.waits", {target_, watcher_}},
                       Message{"fix.policy-allow", {target_, watcher_}});
            else if (item && item->refused)
                closed("subscription", target_, {"explain.refused", {target_, watcher_}},
                       Message{"fix.policy-allow", {target_, watcher_}});
            else
                closed("subscription", target_, {"explain.not-asked", {target_, watcher_}}, ask);
        }
        if (facts_.of_watcher) {
            const auto& item = facts_.of_watcher->item;
            if (item && item->has_to())
                good("subscription", watcher_, {"explain.watches", {watcher_, target_}});
            else if (item && item->pending_out)
                closed("subscription", watcher_, {"explain.has-asked", {watcher_, target_}},
                       Message{"fix.their-answer", {target_}});
            else
                closed("subscription", watcher_, {"explain.does-not-watch", {watcher_, target_}},
                       Message{"fix.ask", {watcher_, target_}});
        }
    }

    void mapping() {
        const auto in_force = parts_.settings();
        const auto rule = in_force->policy.settings(foreigner().domain());
        if (both_ours() || rule.transport != im::Transport::sip)
            return good("mapping", "", {"explain.mapping-none", {}});
        const auto& profile = gateway::profile_or_simple(rule.profile);
        good("mapping", std::string(profile.name),
             {"explain.mapping", {std::string(profile.title), std::string(profile.name)}});
    }

    void route() {
        if (both_ours()) {
            good("route", "", {"explain.route-ours", {}});
        } else {
            const auto& name = foreigner().domain();
            const auto in_force = parts_.settings();
            const auto way = in_force->policy.route(name);
            const std::string word = !way                          ? "-"
                                     : *way == im::Transport::sip  ? "SIP"
                                     : *way == im::Transport::xmpp ? "XMPP"
                                                                   : "DNS";
            if (!facts_.partner.connections.empty()) {
                const auto& connection = facts_.partner.connections.front();
                good("route", name, {"explain.route-open", {word, connection.place}});
                if (auto proof = describe_proof(connection.proof)) good("route", name, *std::move(proof));
            } else if (!facts_.partner.failures.empty())
                note("route", name,
                     {"explain.route-failed",
                      {word, facts_.partner.failures.back().why, time_text(facts_.partner.failures.back().at)}},
                     Message{"fix.test", {name}});
            else
                note("route", name, {"explain.route-idle", {word}}, Message{"fix.test", {name}});
        }
        if (!facts_.of_target) return;
        std::string resources;
        for (const auto& resource : facts_.of_target->available)
            resources += (resources.empty() ? "" : ", ") + resource;
        if (resources.empty())
            note("presence", target_, {"explain.offline", {target_}});
        else
            good("presence", target_, {"explain.available", {target_, resources}});
    }

    void events() {
        if (facts_.of_target) events_of(target_, watcher_, *facts_.of_target);
        if (facts_.of_watcher) events_of(watcher_, target_, *facts_.of_watcher);
    }

    static MessageId text_of(im::PairEvent::What what) {
        using What = im::PairEvent::What;
        switch (what) {
            case What::asked: return "event.asked";
            case What::let_in: return "event.let-in";
            case What::refused: return "event.refused";
            case What::ended: return "event.ended";
            case What::blocked: return "event.blocked";
            case What::unblocked: return "event.unblocked";
            case What::unheard: break;
        }
        return "event.unheard";
    }

    void events_of(const std::string& who, const std::string& other, const im::PairFacts& facts) {
        if (facts.last) note("event", who, {text_of(facts.last->what), {who, other, time_text(facts.last->at)}});
        if (facts.unheard > 0) note("event", who, {"explain.unheard", {std::to_string(facts.unheard), other, who}});
    }

    const Parts& parts_;
    const ExplainFacts& facts_;
    const std::string watcher_, target_;
    admin::Report report_;
};

}  // namespace

admin::Report explain(const Parts& parts, const ExplainFacts& facts) {
    return Explanation(parts, facts).report();
}

}  // namespace parley::look
