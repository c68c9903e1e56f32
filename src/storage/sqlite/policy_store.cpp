#include "storage/sqlite/policy_store.hpp"

#include "storage/sqlite/row.hpp"
#include "storage/sqlite/settings.hpp"

namespace parley::storage::sqlite {
namespace {

constexpr std::string_view default_setting = "xmpp-default-allowed";
constexpr std::size_t rule_bytes = 512;  // about, for the queue's limit

// Column values: never renumbered.
std::int64_t number_of(im::Transport transport) {
    switch (transport) {
        case im::Transport::automatic: return 0;
        case im::Transport::xmpp: return 1;
        case im::Transport::sip: return 2;
    }
    return 0;
}
std::int64_t number_of(im::TlsPolicy policy) {
    switch (policy) {
        case im::TlsPolicy::off: return 0;
        case im::TlsPolicy::optional: return 1;
        case im::TlsPolicy::required: return 2;
    }
    return 2;
}
im::Transport transport_of(std::int64_t number) {
    return number == 1 ? im::Transport::xmpp : number == 2 ? im::Transport::sip : im::Transport::automatic;
}
im::TlsPolicy tls_policy_of(std::int64_t number) {  // what we do not understand is the strictest
    return number == 0 ? im::TlsPolicy::off : number == 1 ? im::TlsPolicy::optional : im::TlsPolicy::required;
}

im::DomainRule rule_from(const Statement& row) {
    return {.domain = std::string(row.text(0)),
            .allowed = row.integer(1) != 0,
            .transport = transport_of(row.integer(2)),
            .profile = std::string(row.text(3)),
            .tls = tls_policy_of(row.integer(4)),
            .dialback = row.integer(5) != 0,
            .plain_dialback = row.integer(6) != 0,
            .trusted_certificate = row.integer(7) != 0,
            .external_in = row.integer(16) != 0,
            .external_out = row.integer(17) != 0,
            .ask_certificate = row.integer(18) != 0,
            .direct_tls = row.integer(19) != 0,
            .bidi = row.integer(24) != 0,
            .release = std::string(row.text(20)),
            .next_hop = std::string(row.text(8)),
            .next_hop_tls = row.integer(9) != 0,
            .trusted_by_partner = row.integer(12) != 0,
            .legacy_tls_until = TimePoint{Seconds{row.integer(13)}},
            .clearing_house = std::string(row.text(14)),
            .mail_names = row.integer(15) != 0,
            .tls_names = decode_list(row.text(10)),
            .comment = std::string(row.text(11)),
            .inbound = row.integer(21) != 0,
            .outbound = row.integer(22) != 0,
            .subdomains = row.integer(23) != 0};
}

}  // namespace

void SqlitePolicyStore::load(Done<im::FederationPolicy> done) {
    auto work = [](Connection& db) -> Result<im::FederationPolicy> {
        const ReadTransaction snapshot(db);
        const auto setting = load_setting(db, default_setting);
        if (!setting) return setting.error();
        im::FederationPolicy policy;
        policy.xmpp_default_allowed = *setting == "1";
        auto select = db.prepare(
            "SELECT domain, allowed, transport, profile, tls, dialback, plain_dialback, "
            "trusted_certificate, next_hop, next_hop_tls, tls_names, comment, trusted_by_partner, legacy_tls_until, "
            "clearing_house, mail_names, external_in, external_out, ask_certificate, direct_tls, release, "
            "inbound, outbound, subdomains, bidi FROM federation_rule");
        for (;;) {
            const auto more = select.step();
            if (!more) return more.error();
            if (!*more) return policy;
            auto rule = rule_from(select);
            auto domain = rule.domain;
            policy.rules.emplace(std::move(domain), std::move(rule));
        }
    };
    database_.read<im::FederationPolicy>(executor_, std::move(work), std::move(done));
}

void SqlitePolicyStore::put(im::DomainRule rule, Done<> done) {
    auto work = [rule = std::move(rule)](WriteState& state) -> Result<void> {
        auto put = state.db.prepare(
            "INSERT OR REPLACE INTO federation_rule (domain, allowed, transport, profile, tls, dialback, "
            "plain_dialback, trusted_certificate, next_hop, next_hop_tls, tls_names, comment, trusted_by_partner, "
            "legacy_tls_until, clearing_house, mail_names, external_in, external_out, ask_certificate, direct_tls, "
            "release, inbound, outbound, subdomains, bidi) "
            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, "
            "?22, ?23, ?24, ?25)");
        const std::string names = encode_list(rule.tls_names);
        put.bind(1, rule.domain).bind(2, std::int64_t{rule.allowed}).bind(3, number_of(rule.transport));
        put.bind(4, rule.profile).bind(5, number_of(rule.tls)).bind(6, std::int64_t{rule.dialback});
        put.bind(7, std::int64_t{rule.plain_dialback}).bind(8, std::int64_t{rule.trusted_certificate});
        put.bind(9, rule.next_hop)
            .bind(10, std::int64_t{rule.next_hop_tls})
            .bind_blob(11, names)
            .bind(12, rule.comment)
            .bind(13, std::int64_t{rule.trusted_by_partner})
            .bind(14, std::chrono::duration_cast<Seconds>(rule.legacy_tls_until.time_since_epoch()).count())
            .bind(15, rule.clearing_house)
            .bind(16, std::int64_t{rule.mail_names})
            .bind(17, std::int64_t{rule.external_in})
            .bind(18, std::int64_t{rule.external_out})
            .bind(19, std::int64_t{rule.ask_certificate})
            .bind(20, std::int64_t{rule.direct_tls})
            .bind(21, rule.release)
            .bind(22, std::int64_t{rule.inbound})
            .bind(23, std::int64_t{rule.outbound})
            .bind(24, std::int64_t{rule.subdomains})
            .bind(25, std::int64_t{rule.bidi});
        return put.run();
    };
    database_.write<void>(executor_, rule_bytes, Urgency::now, std::move(work), std::move(done));
}

void SqlitePolicyStore::remove(std::string domain, Done<> done) {
    auto work = [domain = std::move(domain)](WriteState& state) -> Result<void> {
        auto remove = state.db.prepare("DELETE FROM federation_rule WHERE domain = ?1");
        if (auto ok = remove.bind(1, domain).run(); !ok) return ok;
        if (state.db.changes() == 0) return Error{Errc::not_found, "no rule for " + domain};
        return {};
    };
    database_.write<void>(executor_, 0, Urgency::now, std::move(work), std::move(done));
}

void SqlitePolicyStore::set_default(bool xmpp_allowed, Done<> done) {
    auto work = [xmpp_allowed](WriteState& state) -> Result<void> {
        return put_setting(state.db, default_setting, xmpp_allowed ? "1" : "0");
    };
    database_.write<void>(executor_, rule_bytes, Urgency::now, std::move(work), std::move(done));
}

}  // namespace parley::storage::sqlite
