#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/executor.hpp"
#include "base/random.hpp"
#include "cluster/slot.hpp"
#include "gateway/federation/conversations.hpp"
#include "gateway/federation/observers.hpp"
#include "gateway/federation/recovery.hpp"
#include "gateway/federation/settings.hpp"
#include "gateway/mapping/presence.hpp"
#include "gateway/profile.hpp"
#include "im/partner_overview.hpp"
#include "im/router.hpp"
#include "sip/core.hpp"
#include "storage/dialog_store.hpp"

namespace parley::gateway {

// The SIP domains as one shard's users see them: behaves towards our server as the foreign domain itself would, with
// stanzas in and out, and towards the partner as the users' own SIP server (RFC 7248, 7572, 7573, 8048). Holds the
// shard's SIP core. All calls are on the shard's thread.
class SipDomains final : public im::RemoteDomains, sip::Out, sip::User, Conversations::Addresses {
public:
    // Where bytes leave. Returns at once; what became of a request comes back by on_sent() or on_send_failed().
    using Pair = std::pair<xmpp::Jid, xmpp::Jid>;  // our user and the partner's, bare
    struct Wish {
        Pair pair;
        bool online = false, first = false;
        std::uint64_t person = 0;
    };
    class Wire {
    public:
        virtual ~Wire() = default;
        virtual void send(sip::LinkId link, std::string bytes) = 0;
        virtual void send_to_domain(std::string local, std::string remote, std::string bytes,
                                    sip::ClientTransactionId id) = 0;
        // Our subscriptions at one partner share its patience (turns.hpp, recovery.hpp).
        virtual void ask_turn(const std::string& domain, Wish wish) = 0;  // on_turn() when it has come
        virtual void end_turn(const std::string& domain) = 0;
        virtual void suspect(const std::string& domain, Recovery::Sign sign) = 0;
        virtual void canary_answered(const std::string& domain, Recovery::Canary canary) = 0;
    };
    struct Parts {
        Executor& executor;
        im::Router& router;
        storage::DialogStore& dialogs;
        Observers observers{};
    };

    SipDomains(Parts parts, Random& random, SipSettingsSource settings, sip::CoreConfig config, Wire& wire);
    ~SipDomains() override;

    // 16 bits of the user's hash, as our tags carry them, and the slot that they stand for.
    static std::uint16_t token_of(const xmpp::Jid& user);
    static cluster::Slot slot_of_token(std::uint16_t token) {
        return static_cast<cluster::Slot>(token & (cluster::slots - 1));
    }

    // What the store has of this shard's slots; before anything else.
    void restore(const std::vector<storage::DialogRow>& rows);

    void deliver(im::Envelope envelope, im::Settled delivered) override;

    // ---- from the links
    void on_message(sip::LinkId link, sip::Parsed parsed, sip::Admission admission);
    void on_sent(sip::ClientTransactionId id, sip::LinkId link);
    void on_send_failed(sip::ClientTransactionId id);
    void on_link_down(sip::LinkId link, const std::string& remote_domain);
    void on_link_up(const std::string& domain);
    void retry(const std::string& domain);  // what waits for a partner does so no longer

    // ---- of our subscriptions at a partner; on_turn() is followed by one end_turn()
    void on_turn(const Pair& pair);
    void ask_canary(const std::string& domain, SteadyTime since);
    void on_forgotten(const std::string& domain, SteadyTime since);

    void describe(const std::string& domain, im::PartnerOverview& out) const;  // of one domain, or "" for all
    std::size_t dialogs() const { return core_.usages(); }

private:
    // A partner's user watches ours.
    struct Watchers {
        std::vector<sip::UsageId> usages, look_ups;
        std::vector<sip::UsageId> asked;  // of `usages`: accepted with the user's presence, when that is known
        bool authorised = false;
        bool unsure = false;  // since our start the user has not been seen, and may be back in a moment
        // What the resources said, the one that changed last at the end.
        std::vector<std::pair<std::string, im::Presence>> resources;
        Timer flush;
    };
    // Our user watches a partner's.
    struct Contact {
        sip::UsageId usage;
        bool active = false;                         // subscribed, and the user knows it
        bool known = false;                          // the person has let us in, now or before
        bool owes_answer = false;                    // the user waits for the person's yes
        bool stale = false;                          // what we show may be old
        bool queued = false, queued_online = false;  // waits for a turn
        bool unreachable = false;                    // waits for the partner
        SteadyTime heard{};                          // last sign that the partner has the subscription
        SteadyTime begun{};                          // of the dialog
        std::optional<ContactPresence> last;
        Timer retry;
        Seconds back_off{0};
        // May the partner have forgotten it since then?
        bool doubtful(SteadyTime since) const {
            return usage && heard > SteadyTime{} && heard <= since && begun < since;
        }
    };

    // sip::Out
    void send(sip::LinkId link, std::string bytes) override;
    void send_to_domain(const std::string& domain, std::string bytes, sip::ClientTransactionId id) override;
    void persist(const std::string& key, std::string row, Function<void(bool)> done) override;
    void forget(const std::string& key) override;
    // sip::User
    sip::PeerSettings peer(std::string_view domain) override;
    std::uint16_t slot_token(const sip::Uri& local) override;
    sip::Admission admit(sip::LinkId link, const sip::Message& request) override;
    sip::Admission refuse(const SipSettings& settings, im::Refusal refusal);
    bool same_domain(std::string_view a, std::string_view b) override;
    void on_subscribe(sip::UsageId id, const sip::SubscribeInfo& info) override;
    void on_watcher_gone(sip::UsageId id, const sip::WatcherEnd& end) override;
    int on_notify(sip::UsageId id, const sip::NotifyInfo& info) override;
    void on_subscription_end(sip::UsageId id, const sip::SubscriptionEnd& end) override;
    void on_subscribe_answer(sip::UsageId id, int status, bool local) override;
    void on_session_request(sip::UsageId id, const sip::SessionRequest& request) override;
    void on_session_open(sip::UsageId id, const std::vector<std::string>& accept_types) override;
    void on_session_end(sip::UsageId id, const sip::SessionEnd& end) override;
    void on_unwanted(const sip::Party& party, sip::Unwanted wanted) override;
    int on_info(sip::UsageId id, const sip::Body& body) override;
    void on_text(sip::ServerTransactionId id, const sip::IncomingText& text) override;
    void on_text_outcome(sip::MessageId id, const sip::Outcome& outcome) override;

    // sip_domains_presence.cpp
    void deliver_presence(const xmpp::Stanza& stanza, const Pair& pair);
    void user_presence(const xmpp::Stanza& stanza, const Pair& pair);
    void user_decided(const Pair& pair, bool allowed);
    void request_taken(sip::UsageId id, bool taken);
    void flush_soon(const Pair& pair, Millis delay);
    void flush(const Pair& pair);
    sip::SharedBody presence_body(const Pair& pair, const Watchers& watchers);
    void emit(const Pair& pair, std::string_view type);  // presence of that type from the partner's user
    void restore_watchers();
    void ask_the_unseen();

    // sip_domains_contacts.cpp
    void contact_presence(const xmpp::Stanza& stanza, const Pair& pair);
    void restore_contact(const Pair& pair, const sip::Restored& restored);
    void watch(const Pair& pair, bool known);
    void queue(const Pair& pair, Contact& contact);
    bool begin(const Pair& pair, Contact& contact);
    void say_subscribed(const Pair& pair);
    void show(const Pair& pair, const ContactPresence& presence, const xmpp::Jid& to);
    void retry_later(const Pair& pair, Seconds delay);
    void release(sip::UsageId id);  // of its turn, and as a canary

    // Conversations::Addresses
    const Profile& profile_of(const xmpp::Jid& remote) const override;
    bool is_kept_out(const xmpp::Jid& remote) const;  // by DomainRule::mail_names
    // What the person is called, for clients that have no name for the address yet.
    void add_name(xmpp::Stanza& presence, const xmpp::Jid& remote, std::string_view said) const;
    std::optional<sip::Uri> uri_of(const xmpp::Jid& jid) const override;
    std::vector<SipSettings::Sentence> sentences(std::string_view id, const std::string& about) const override;
    void arm() override;

    std::optional<Pair> pair_of(const sip::Party& party);
    void trace_message(bool incoming, const sip::Message& message, int refusal = 0) const;
    void trace_outgoing(std::string_view bytes) const;

    Executor& executor_;
    im::Router& router_;
    storage::DialogStore& store_;
    Random& random_;
    SipSettingsSource settings_;
    sip::CoreConfig config_;
    Wire& wire_;
    const Observers observers_;
    const SipTrace trace_;
    sip::Admission admission_;  // of the message that the core is looking at

    std::map<Pair, Watchers> watchers_;
    std::map<Pair, Contact> contacts_;
    std::unordered_map<std::uint64_t, Pair> pair_of_usage_;  // subscriptions
    std::unordered_map<std::uint64_t, std::string> turns_;   // subscriptions whose turn it is, with their domain
    std::map<std::string, sip::UsageId> canaries_;           // by domain
    sip::UsageId was_canary_;                                // its answer is being dealt with
    Timer unseen_;
    // The document that was made last: a user's watchers are told the same one after another.
    struct Told {
        xmpp::Jid user;
        const Profile* profile = nullptr;
        std::vector<im::Presence> said;
        sip::SharedBody body;
    };
    Told told_;
    // User parts as their domain last spelled them: they are case-sensitive there, and folded in a JID.
    std::unordered_map<xmpp::Jid, std::string> spelling_;
    Timer timer_;
    std::optional<SteadyTime> armed_for_;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
    sip::Core core_;
    Conversations conversations_;
};

}  // namespace parley::gateway
