#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "base/log_limit.hpp"
#include "base/random.hpp"
#include "gateway/federation/link.hpp"
#include "gateway/federation/observers.hpp"
#include "gateway/federation/send_queue.hpp"
#include "gateway/federation/settings.hpp"
#include "gateway/federation/sip_trace.hpp"
#include "gateway/federation/targets.hpp"
#include "im/partner_overview.hpp"
#include "sip/admission.hpp"

namespace parley::gateway {

// The SIP connections that live on one shard: those that were accepted here, and those that were dialled for the
// domains whose home this shard is. Knows who is at the other end; knows no dialogs. One thread.
class SipLinks final : Link::Owner {
public:
    class Inbox {
    public:
        virtual ~Inbox() = default;
        // `admission`: whether this link may send the request.
        virtual void on_message(sip::LinkId link, sip::Parsed parsed, sip::Admission admission) = 0;
        // `remote_domain`: whom the loss concerns; "" when it says nothing of a partner (never ready, or closed by us).
        virtual void on_link_down(sip::LinkId link, const std::string& remote_domain) = 0;
        // A connection that we opened is ready: what waited for that domain may try again.
        virtual void on_link_up(const std::string& remote_domain) = 0;
    };
    using Sent = SendQueue::Sent;

    // `index` is this shard's number, and part of its links' ids. All references outlive the links.
    SipLinks(std::size_t index, Executor& executor, net::Network& network, Random& random, SipSettingsSource settings,
             SharedRates& rates, Inbox& inbox, Observers observers = {});
    ~SipLinks() override;

    static std::size_t shard_of(sip::LinkId link) { return static_cast<std::size_t>(link.value >> 48); }

    void accept(std::unique_ptr<net::Connection> connection, bool tls);
    void send(sip::LinkId link, std::string_view bytes);  // dropped when the link has gone
    std::string address_of(sip::LinkId link) const;       // of the other side; "" when the link has gone
    void send_to_domain(const std::string& local, const std::string& remote, std::string bytes, Sent sent);
    bool connected_to(const std::string& remote) const;  // by a connection that we opened
    void retry(const std::string& remote);               // connections that wait are dialled at once
    void shut_down();
    std::size_t size() const { return links_.size(); }
    void describe(const std::string& domain, im::PartnerOverview& out) const;  // adds this shard's share

private:
    // What of a domain may be at the other end of a connection that the peer opened.
    struct Expected {
        bool known = false;
        SteadyTime until{};
        std::vector<std::string> hosts;  // SRV targets, the next hop
        std::vector<std::string> addresses;
        std::shared_ptr<SipTargetSearch> search;  // while one is under way
        std::vector<sip::LinkId> waiting;
    };
    // A link that was found to speak for a domain: a partner sends many requests of the same one.
    struct Vouched {
        std::shared_ptr<const SipSettings> settings;  // by which it was
        std::string from, domain;                     // as written in From, and the domain that it means
        SteadyTime until;
    };
    // The way from one local domain to one foreign domain.
    struct Route {
        std::string local, remote;
        std::string why;  // the last attempt that failed; empty after one that did not
        im::PartnerEvent::Fault fault = im::PartnerEvent::Fault::none;  // of that
        TimePoint since{};                                              // of `why`, or of the link
        Link* link = nullptr;                                           // ready
        Link* dialled = nullptr;                                        // not yet
        bool busy = false;                                              // searching, connecting or securing
        std::shared_ptr<SipTargetSearch> search;
        std::deque<SipTarget> targets;
        SipTarget target;
        SendQueue queue;
        Pace pace;
        Millis back_off{0};
        Timer drains, redials;  // each is reset when it fires
    };

    void on_ready(Link& link) override;
    void on_message(Link& link, sip::Parsed parsed) override;
    void on_gone(Link& link, const Error& why) override;

    void secure(Link& link);
    sip::Admission refused(const Link& link, const std::string& domain, int status, const std::string& why);
    Link& add(std::unique_ptr<net::Connection> connection);
    void forget_later(sip::LinkId id);
    void make_room();
    bool is_unpaced(const Route& route, const im::DomainRule& rule) const;
    void send_by(Link& link, std::string_view bytes);
    void set_rate(Link& link, const std::string& domain);
    void dial(Route& route);
    void dial_next(const std::string& key, const std::string& why,
                   im::PartnerEvent::Fault fault = im::PartnerEvent::Fault::none);
    void note(const std::string& local, const std::string& remote, im::PartnerEvent event);
    void note_link(im::PartnerEvent::What what, const std::string& local, const std::string& remote, const Link& link,
                   const std::string& detail);
    void connected(const std::string& key, Result<std::unique_ptr<net::Connection>> connection);
    void fail(Route& route);
    void give_up(std::vector<SendQueue::Item> items);
    void drain(Route& route);
    Route* route_of(const Link& link);
    bool is_whom_we_dialled(const Link& link, const Route& route, std::string& why) const;
    // links_judge.cpp. Less than 0: DNS has to be asked first.
    int judge(const Link& link, const sip::Message& request, std::string& domain, std::string& why);
    int judge_domain(const SipSettings& settings, std::string_view host, std::string& domain, std::string& why) const;
    int judge_plain(const Link& link, const im::DomainRule& rule, std::string& why) const;
    int judge_certificate(const Link& link, const im::DomainRule& rule, std::string& why) const;
    const Expected* expected(const std::string& domain) const;  // if it still holds
    std::string about_old_tls(const std::string& domain) const;
    void handshake_failed(const Link& link, const Error& why);
    bool is_outdated(const Link& link, const im::DomainRule& rule) const;
    void decide(sip::LinkId id, const std::string& domain);
    void spoke_for(Link& link, const std::string& domain);
    void look_up(const std::string& domain);
    void looked_up(const std::string& domain, Result<std::deque<SipTarget>> found);

    std::size_t index_;
    Executor& executor_;
    net::Network& network_;
    Random& random_;
    SipSettingsSource settings_;
    SharedRates& rates_;  // of partners, on all shards together
    Inbox& inbox_;
    im::PartnerHistory* history_;
    const Observers observers_;
    const SipTrace trace_;
    std::unordered_map<std::uint64_t, std::unique_ptr<Link>> links_;
    std::unordered_map<std::uint64_t, std::string> routes_of_links_;
    std::unordered_map<std::uint64_t, std::string> speaks_for_;  // what the peer's links have proven, one domain each
    std::unordered_map<std::uint64_t, Vouched> vouched_;         // by link, the newest
    std::unordered_map<std::uint64_t, sip::Parsed> held_;        // waits for its look-up
    std::unordered_set<std::uint64_t> unsecured_;                // accepted; which TLS they may speak is looked up
    std::map<std::string, Route, std::less<>> routes_;           // "local remote"
    std::map<std::string, Expected, std::less<>> expected_;
    std::uint64_t last_link_ = 0;
    bool closing_ = false;
    LogLimit log_;
    struct Refusal {
        std::string why;
        TimePoint at;
    };
    std::map<std::string, Refusal, std::less<>> refusals_;  // the newest of each domain that has a rule
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace parley::gateway
