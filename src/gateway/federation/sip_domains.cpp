#include "gateway/federation/sip_domains.hpp"

#include <algorithm>

#include "base/crash_point.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"
#include "gateway/federation/foreign_domain.hpp"
#include "gateway/mapping/address.hpp"
#include "gateway/mapping/text.hpp"
#include "sip/body/typing.hpp"
#include "sip/tag.hpp"
#include "xmpp/stanza_error.hpp"

namespace parley::gateway {
namespace {

constexpr std::string_view nick_ns = "http://jabber.org/protocol/nick";  // XEP-0172
constexpr std::size_t most_spellings = 50'000;  // forgotten all at once above it: they are learned again

// The local domain that a request of ours speaks for.
std::string local_domain_of(std::string_view request) {
    constexpr std::string_view from = "\r\nFrom: ";
    const auto at = request.find(from);
    if (at == std::string_view::npos) return {};
    request.remove_prefix(at + from.size());
    const auto address = sip::parse_name_addr(request.substr(0, request.find('\r')));
    return address && address->uri.is_sip() ? policy_domain(address->uri.host()) : std::string{};
}

// What a partner's user does of its own accord. (A reply in a dialog of ours is judged where it is routed.)
bool begins(const sip::Message& request) {
    const auto method = request.method();
    return (method == sip::Method::invite || method == sip::Method::subscribe || method == sip::Method::message) &&
           request.to() && !request.to()->params.has("tag");
}

}  // namespace

SipDomains::SipDomains(Parts parts, Random& random, SipSettingsSource settings, sip::CoreConfig config, Wire& wire)
    : executor_(parts.executor),
      router_(parts.router),
      store_(parts.dialogs),
      random_(random),
      settings_(std::move(settings)),
      config_(std::move(config)),
      wire_(wire),
      observers_(parts.observers),
      trace_(parts.observers.tracer, parts.executor.clock()),
      core_(config_, parts.executor.clock(), random, *this, *this),
      conversations_({parts.executor, parts.router, random, core_, *this, trace_}) {}

SipDomains::~SipDomains() = default;

std::uint16_t SipDomains::token_of(const xmpp::Jid& user) {
    // The low bits are cluster::slot_of().
    return static_cast<std::uint16_t>(xxh64(user.local() + '@' + user.domain()) & 0xffff);
}

void SipDomains::restore(const std::vector<storage::DialogRow>& rows) {
    for (const auto& row : rows) {
        auto restored = core_.restore(row.record);
        const auto pair = restored ? pair_of(restored->party) : std::nullopt;
        if (!pair) {  // of another version, or damaged: the partner will find out by a 481
            store_.remove(row.slot, row.key, [](Result<>) {});
            continue;
        }
        if (restored->role != sip::DialogRecord::Role::session) pair_of_usage_[restored->id.value] = *pair;
        switch (restored->role) {
            case sip::DialogRecord::Role::notifier: {
                auto& watchers = watchers_[*pair];
                watchers.usages.push_back(restored->id);
                watchers.authorised = watchers.authorised || restored->state == "active";
                break;
            }
            case sip::DialogRecord::Role::subscriber: restore_contact(*pair, *restored); break;
            case sip::DialogRecord::Role::session: conversations_.restore(restored->id, *pair); break;
        }
    }
    restore_watchers();
    arm();
}

// ---- from our server

void SipDomains::deliver(im::Envelope envelope, im::Settled delivered) {
    const auto& stanza = *envelope.stanza;
    if (stanza.kind == xmpp::Stanza::Kind::iq) {
        // There is nothing behind a SIP address that could answer.
        if (stanza.is_request()) return delivered(xmpp::stanza_error("service-unavailable"));
        return delivered(im::accepted);
    }
    if (!settings_()->policy.sip_allowed(envelope.to.domain()))
        return delivered(
            xmpp::stanza_error("not-allowed", "exchange with " + envelope.to.domain() + " is not allowed"));
    if (envelope.to.local().empty() || stanza.from.local().empty())
        return delivered(xmpp::stanza_error("service-unavailable"));
    const Pair pair{stanza.from.bare(), envelope.to.bare()};
    if (is_kept_out(pair.second)) {
        if (stanza.kind == xmpp::Stanza::Kind::presence && stanza.type == "subscribe") emit(pair, "unsubscribed");
        return delivered(xmpp::stanza_error(
            "not-allowed", "exchange with people whose name is an e-mail address is not allowed with this partner"));
    }
    if (stanza.kind == xmpp::Stanza::Kind::presence) {
        deliver_presence(stanza, pair);
        delivered(im::accepted);
    } else {
        conversations_.deliver(stanza, pair, std::move(envelope.origin), std::move(delivered));
    }
    arm();
}

// ---- from the links

void SipDomains::on_message(sip::LinkId link, sip::Parsed parsed, sip::Admission admission) {
    admission_ = std::move(admission);
    if (trace_.on()) trace_message(true, parsed.message, admission_.status);
    core_.on_message(link, std::move(parsed));
    arm();
}

void SipDomains::on_sent(sip::ClientTransactionId id, sip::LinkId link) {
    crash_point("sip.request_sent");
    core_.on_sent(id, link);
    arm();
}

void SipDomains::on_send_failed(sip::ClientTransactionId id) {
    core_.on_send_failed(id);
    arm();
}

void SipDomains::on_link_down(sip::LinkId link, const std::string& remote_domain) {
    core_.on_link_down(link);
    // Notifications may have been lost with it: whoever comes online next asks anew.
    if (!remote_domain.empty())
        for (auto& [pair, contact] : contacts_)
            if (pair.second.domain() == remote_domain) contact.stale = true;
    arm();
}

// ---- sip::Out

void SipDomains::send(sip::LinkId link, std::string bytes) {
    if (trace_.on()) trace_outgoing(bytes);
    wire_.send(link, std::move(bytes));
}

void SipDomains::send_to_domain(const std::string& domain, std::string bytes, sip::ClientTransactionId id) {
    if (trace_.on()) trace_outgoing(bytes);
    auto local = local_domain_of(bytes);
    wire_.send_to_domain(std::move(local), foreign_domain(settings_()->policy, domain), std::move(bytes), id);
}

void SipDomains::persist(const std::string& key, std::string row, Function<void(bool)> done) {
    const auto token = sip::parse_tag(key);
    storage::DialogRow dialog{slot_of_token(token ? token->slot : std::uint16_t{0}), key, std::move(row)};
    if (!done) return store_.put(std::move(dialog), {});
    store_.put(std::move(dialog), [this, weak = std::weak_ptr<int>(alive_), done = std::move(done)](Result<> stored) {
        if (weak.expired()) return;
        done(stored.has_value());
        arm();
    });
}

void SipDomains::forget(const std::string& key) {
    const auto token = sip::parse_tag(key);
    store_.remove(slot_of_token(token ? token->slot : std::uint16_t{0}), key, {});
}

// ---- for `parleyctl trace`

void SipDomains::trace_outgoing(std::string_view bytes) const {
    if (const auto parsed = sip::parse_message(bytes)) trace_message(false, parsed->message);
}

// Not by pair_of(), which learns from what the partner writes.
void SipDomains::trace_message(bool incoming, const sip::Message& message, int refusal) const {
    const auto& from = message.from();
    const auto& to = message.to();
    if (!from || !to) return;
    const bool ours_is_from = incoming != message.is_request();
    const auto& our_uri = ours_is_from ? from->uri : to->uri;
    const auto& their_uri = ours_is_from ? to->uri : from->uri;
    const auto settings = settings_();
    const auto ours = jid_from_sip(our_uri.user(), our_uri.host());
    const auto theirs = jid_from_sip(their_uri.user(), foreign_domain(settings->policy, their_uri.host()));
    if (!ours || !theirs) return;
    const Pair pair{meant_by_partner(*ours, settings->rooms), *theirs};
    std::string text;
    if (message.is_request() && incoming && message.method() == sip::Method::message)
        text = im::message_key(Conversations::name_of(pair.second, sip::text_origin(message)));
    else if (message.is_request() && !incoming &&
             (message.method() == sip::Method::message || message.method() == sip::Method::invite) &&
             !message.header(sip::HeaderId::content_type).starts_with(sip::is_composing_type))
        text = conversations_.text_under_way(pair);
    trace_.message(incoming, message, pair, std::move(text), refusal);
}

// ---- sip::User: messages

void SipDomains::on_session_request(sip::UsageId id, const sip::SessionRequest& request) {
    const auto pair = pair_of(request.party);
    if (!pair) return core_.reject_session(id, 404);
    conversations_.on_session_request(id, request, *pair);
}

void SipDomains::on_session_open(sip::UsageId id, const std::vector<std::string>& accept_types) {
    conversations_.on_session_open(id, accept_types);
}

void SipDomains::on_session_end(sip::UsageId id, const sip::SessionEnd& end) {
    conversations_.on_session_end(id, end);
}

void SipDomains::on_text(sip::ServerTransactionId id, const sip::IncomingText& text) {
    const auto pair = pair_of(text.party);
    if (!pair) return core_.answer(id, 404);
    conversations_.on_text(id, text, *pair);
}

void SipDomains::on_unwanted(const sip::Party& party, sip::Unwanted wanted) {
    if (const auto pair = pair_of(party)) conversations_.on_unwanted(*pair, wanted);
}

std::vector<SipSettings::Sentence> SipDomains::sentences(std::string_view id, const std::string& about) const {
    const auto settings = settings_();
    return settings->sentences ? settings->sentences(id, about) : std::vector<SipSettings::Sentence>{};
}

int SipDomains::on_info(sip::UsageId id, const sip::Body& body) {
    return conversations_.on_info(id, body);
}

void SipDomains::on_text_outcome(sip::MessageId id, const sip::Outcome& outcome) {
    conversations_.on_text_outcome(id, outcome);
}

// ---- sip::User: who it is

sip::PeerSettings SipDomains::peer(std::string_view domain) {
    const auto settings = settings_();
    const auto foreign = foreign_domain(settings->policy, domain);
    static const im::DomainRule none;
    const auto* known = settings->policy.rule(foreign);
    const auto& rule = known ? *known : none;
    const auto& profile = profile_or_simple(rule.profile);
    const bool tls = rule.next_hop.empty() ? rule.tls != im::TlsPolicy::off : rule.next_hop_tls;
    return {tls, profile.max_expires, profile.ask_expires};
}

std::uint16_t SipDomains::slot_token(const sip::Uri& local) {
    const auto jid = jid_from_sip(local.user(), local.host());
    return jid ? token_of(meant_by_partner(*jid, settings_()->rooms)) : std::uint16_t{0};
}

sip::Admission SipDomains::admit(sip::LinkId, const sip::Message& request) {
    if (admission_.status != 0) return std::move(admission_);
    // RFC 7247 8: sips promises TLS on every hop, which XMPP cannot keep.
    const auto uri = sip::Uri::parse(request.request_uri());
    const auto& to = request.to();
    const bool secure =
        (uri && uri->scheme() == sip::Uri::Scheme::sips) || (to && to->uri.scheme() == sip::Uri::Scheme::sips);
    if (secure) return {416};
    const auto& from = request.from();
    const bool of_mail = from && from->uri.user().find('(') != std::string_view::npos;
    if (!from || !(begins(request) || of_mail)) return {};
    const auto settings = settings_();
    const auto domain = foreign_domain(settings->policy, from->uri.host());
    if (begins(request) && !settings->policy.may_begin(domain, true))
        return refuse(*settings, im::one_way_refusal(settings->policy, domain));
    if (!of_mail) return {};
    const auto person = jid_from_sip(from->uri.user(), domain);
    if (!person || !is_kept_out(*person)) return {};
    im::Refusal refusal;
    refusal.partner = domain;
    refusal.why = "people with names of another mail domain are not let in here";
    refusal.remedy = "To let them in: parleyctl federation allow " + domain + ", without --no-mail-names";
    return refuse(*settings, std::move(refusal));
}

sip::Admission SipDomains::refuse(const SipSettings& settings, im::Refusal refusal) {
    refusal.protocol = "SIP";
    refusal.condition = "403";
    const auto noted = note_refusal(observers_, std::move(refusal), settings, executor_.clock().wall(), random_);
    return {403, im::told(noted.why, noted.reference, settings.disclose_reasons)};
}

bool SipDomains::is_kept_out(const xmpp::Jid& remote) const {
    const auto settings = settings_();
    const auto* rule = settings->policy.rule(remote.domain());
    return rule && !rule->mail_names && profile_or_simple(rule->profile).mail_names &&
           !mail_address(remote.local()).empty();
}

const Profile& SipDomains::profile_of(const xmpp::Jid& remote) const {
    const auto settings = settings_();
    const auto* rule = settings->policy.rule(remote.domain());
    return profile_or_simple(rule ? std::string_view(rule->profile) : std::string_view{});
}

bool SipDomains::same_domain(std::string_view a, std::string_view b) {
    if (equal_ignoring_case(a, b)) return true;
    const auto settings = settings_();
    return foreign_domain(settings->policy, a) == foreign_domain(settings->policy, b);
}

void SipDomains::add_name(xmpp::Stanza& presence, const xmpp::Jid& remote, std::string_view said) const {
    constexpr std::size_t most = 128;
    auto name = to_xml_text(clip(trim(said), most));
    if (name.empty() && profile_of(remote).mail_names) name = mail_address(remote.local());
    if (!name.empty()) presence.add(xml::Element(nick_ns, "nick").with_text(name));
}

std::optional<SipDomains::Pair> SipDomains::pair_of(const sip::Party& party) {
    const auto local = jid_from_sip(party.local.user(), party.local.host());
    const auto remote = jid_from_sip(party.remote.user(), foreign_domain(settings_()->policy, party.remote.host()));
    if (!local || !remote || local->local().empty() || remote->local().empty()) return {};
    if (spelling_.size() >= most_spellings) spelling_.clear();
    spelling_[*remote] = std::string(party.remote.user());
    return Pair{meant_by_partner(*local, settings_()->rooms), *remote};
}

std::optional<sip::Uri> SipDomains::uri_of(const xmpp::Jid& jid) const {
    const auto kept = spelling_.find(jid);
    const auto address = sip_from_jid(seen_by_partner(jid, settings_()->rooms),
                                      kept == spelling_.end() ? std::string_view{} : std::string_view(kept->second));
    if (!address) return {};
    const auto uri = sip::Uri::parse(to_uri_text(*address));
    if (!uri) return {};
    return *uri;
}

// ---- time

void SipDomains::arm() {
    const auto next = core_.next_deadline();
    if (!next) {
        timer_.cancel();
        armed_for_.reset();
        return;
    }
    if (armed_for_ && *armed_for_ <= *next) return;  // it wakes up early then, and arms itself again
    armed_for_ = next;
    const auto now = executor_.clock().now();
    timer_ = executor_.after(std::max(Millis{0}, *next - now), [this] {
        armed_for_.reset();
        core_.on_time();
        arm();
    });
}

}  // namespace parley::gateway
