#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/executor.hpp"
#include "base/random.hpp"
#include "gateway/federation/settings.hpp"
#include "gateway/federation/sip_trace.hpp"
#include "gateway/mapping/message.hpp"
#include "gateway/profile.hpp"
#include "im/partner_overview.hpp"
#include "im/router.hpp"
#include "sip/core.hpp"

namespace parley::gateway {

// What our users and those of SIP partners write to each other, on one shard: a queue a pair of users, in order, with
// one text under way at a time; the session it goes in where the partner's kind wants sessions (RFC 7573), or a MESSAGE
// of its own (RFC 7572). A text stays at the head of its queue until the partner has taken it, or its sender is told
// why not. All calls are on the shard's thread.
class Conversations {
public:
    using Pair = std::pair<xmpp::Jid, xmpp::Jid>;  // our user and the partner's, bare
    class Addresses {
    public:
        virtual ~Addresses() = default;
        virtual const Profile& profile_of(const xmpp::Jid& remote) const = 0;
        virtual std::optional<sip::Uri> uri_of(const xmpp::Jid& jid) const = 0;
        virtual std::vector<SipSettings::Sentence> sentences(std::string_view id, const std::string& about) const = 0;
        virtual void arm() = 0;  // the core has been called outside of the links' calls
    };
    struct Parts {
        Executor& executor;
        im::Router& router;
        Random& random;
        sip::Core& core;
        Addresses& addresses;
        const SipTrace& trace;
    };
    explicit Conversations(Parts parts) : parts_(parts) {}

    // ---- our user. `settled` as for im::RemoteDomains; `origin` names the text, again after a restart.
    void deliver(const xmpp::Stanza& stanza, const Pair& pair, std::string origin, im::Settled settled);

    // The key in traces of the text that is on its way, or the next to go; empty: none is.
    std::string text_under_way(const Pair& pair) const;
    // The name of one that the partner's user has sent.
    static std::string name_of(const xmpp::Jid& remote, std::string_view origin);

    // ---- the partner's user
    void restore(sip::UsageId session, const Pair& pair);
    void on_session_request(sip::UsageId session, const sip::SessionRequest& request, const Pair& pair);
    void on_text(sip::ServerTransactionId id, const sip::IncomingText& text, const Pair& pair);
    void on_unwanted(const Pair& pair, sip::Unwanted wanted);
    int on_info(sip::UsageId session, const sip::Body& body);

    void retry(const std::string& domain);  // texts that wait for a partner's better moment go now
    // Adds the open sessions and what waits; of one domain, or "" for all.
    void describe(const std::string& domain, im::PartnerOverview& out) const;

    // ---- from the core
    void on_session_open(sip::UsageId session, const std::vector<std::string>& accept_types);
    void on_session_end(sip::UsageId session, const sip::SessionEnd& end);
    void on_text_outcome(sip::MessageId id, const sip::Outcome& outcome);

private:
    struct Text {
        SipText text;
        std::string origin;
        im::Settled settled;
        SteadyTime since{};
        int moves = 0;           // into a new session, after the one it was for had ended
        xmpp::Stanza receipt{};  // for its sender (XEP-0184); without an address when none was asked for
        std::string id{};        // that its sender gave it; while somebody traces
        std::string trace_key(const Pair& pair) const;
    };
    struct Conversation {
        sip::UsageId session;  // open, or being opened by us
        std::deque<Text> waiting;
        std::size_t bytes = 0;       // of those
        sip::MessageId under_way{};  // the first of them
        Timer again;                 // when it goes once more
        Millis back_off{0};
        bool closes = false;    // our user has left: the session ends when nothing waits
        bool composes = false;  // the partner's user has shown that it knows im-iscomposing
        Timer composing;        // until the partner's user counts as having stopped
    };

    void end(const Pair& pair);
    void go_on(const Pair& pair);
    bool send_first(const Pair& pair, Conversation& conversation);
    bool retry(const Pair& pair, int status, bool local, bool sent, std::optional<Seconds> retry_after);
    void delivered(const Pair& pair, int status);
    void give_back(const Pair& pair, const xmpp::StanzaError& error);
    void refuse_first(const Pair& pair, const xmpp::StanzaError& error);
    Text take_first(Conversation& conversation);
    void forget_if_idle(const Pair& pair);
    void send_typing(const Pair& pair, Typing typing);
    void show_typing(const Pair& pair, Typing typing, std::optional<Seconds> until = {});
    void show(const Pair& pair, xmpp::Stanza stanza);
    void tell(const Pair& pair, sip::Unwanted wanted);
    void refuse_text(sip::ServerTransactionId id, const Pair& pair, const xmpp::StanzaError& error);

    Parts parts_;
    std::map<Pair, Conversation> conversations_;
    std::map<std::pair<Pair, sip::Unwanted>, SteadyTime> noticed_;
    std::unordered_map<std::uint64_t, Pair> of_session_, of_text_;
    struct Refusal {
        std::string why;
        TimePoint at{};
    };
    static constexpr std::size_t most_refused = 1'000;
    std::map<std::string, Refusal> refused_;  // the last text's fate, by domain, where it was refused
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace parley::gateway
