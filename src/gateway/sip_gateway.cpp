#include "gateway/sip_gateway.hpp"

#include <algorithm>
#include <map>

#include "base/hash.hpp"
#include "gateway/federation/recovery.hpp"
#include "gateway/federation/turns.hpp"
#include "gateway/mapping/address.hpp"
#include "sip/header/name_addr.hpp"
#include "sip/response.hpp"
#include "sip/tag.hpp"

namespace parley::gateway {

struct SipGateway::Shard final : SipDomains::Wire, SipLinks::Inbox, Recovery::Shards {
    Shard(SipGateway& gateway_, std::size_t index_, SipDomains::Parts parts)
        : gateway(gateway_),
          index(index_),
          executor(parts.executor),
          store(parts.dialogs),
          links(index_, parts.executor, gateway_.network_, gateway_.random_, gateway_.settings_, gateway_.rates_, *this,
                gateway_.observers_),
          recovery(parts.executor, *this),
          domains(parts, gateway_.random_, gateway_.settings_, gateway_.config_, *this) {}

    // ---- Wire: from this shard's core to the shard that has the connection. Always posted: the core is not called
    // from inside its own calls.
    void send(sip::LinkId link, std::string bytes) override {
        const auto home = SipLinks::shard_of(link);
        if (home >= gateway.shards_.size()) return;
        auto* shard = gateway.shards_[home].get();
        shard->executor.post([shard, link, bytes = std::move(bytes)] { shard->links.send(link, bytes); });
    }
    void send_to_domain(std::string local, std::string remote, std::string bytes,
                        sip::ClientTransactionId id) override {
        auto* home = gateway.home_of(remote);
        home->executor.post([this, home, local = std::move(local), remote = std::move(remote), bytes = std::move(bytes),
                             id]() mutable {
            home->links.send_to_domain(local, remote, std::move(bytes), [this, id](std::optional<sip::LinkId> link) {
                if (!id) return;
                executor.post([this, id, link] { link ? domains.on_sent(id, *link) : domains.on_send_failed(id); });
            });
        });
    }

    void ask_turn(const std::string& domain, SipDomains::Wish wish) override {
        auto* home = gateway.home_of(domain);
        home->executor.post([this, home, domain, wish = std::move(wish)]() mutable {
            Turns::Wish turn{wish.online, wish.first, wish.person, {}};
            turn.go = [this, pair = std::move(wish.pair)] { executor.post([this, pair] { domains.on_turn(pair); }); };
            home->turns[domain].turns.ask(std::move(turn));
            home->give_turns(domain);
        });
    }
    void end_turn(const std::string& domain) override {
        auto* home = gateway.home_of(domain);
        home->executor.post([home, domain] {
            home->turns[domain].turns.done();
            home->give_turns(domain);
        });
    }
    void suspect(const std::string& domain, Recovery::Sign sign) override {
        auto* home = gateway.home_of(domain);
        home->executor.post([home, domain, sign] { home->recovery.suspect(domain, sign); });
    }
    void canary_answered(const std::string& domain, Recovery::Canary canary) override {
        auto* home = gateway.home_of(domain);
        home->executor.post([home, domain, canary] { home->recovery.answered(domain, canary); });
    }

    // ---- of the domains whose home this is
    void give_turns(const std::string& domain) {
        const auto found = turns.find(domain);
        if (found == turns.end()) return;
        auto& [queue, timer] = found->second;
        const auto pace = pace_for(gateway.settings_()->policy.settings(domain));
        const auto now = executor.clock().now();
        for (const auto& go : queue.take({pace.at_once, pace.first_contacts}, now)) go();
        timer = {};
        if (queue.idle(now)) return void(turns.erase(found));
        if (const auto next = queue.next())
            timer = executor.after(std::max(Millis{1}, *next - now), [this, domain] { give_turns(domain); });
    }
    std::size_t count() const override { return gateway.shards_.size(); }
    void ask_canary(std::size_t shard, const std::string& domain, SteadyTime since) override {
        auto* asked = gateway.shards_[shard].get();
        asked->executor.post([asked, domain, since] { asked->domains.ask_canary(domain, since); });
    }
    void forgotten(const std::string& domain, SteadyTime since) override {
        for (const auto& shard : gateway.shards_)
            shard->executor.post([to = shard.get(), domain, since] { to->domains.on_forgotten(domain, since); });
    }

    // ---- Inbox: from this shard's connections to the shard of the user
    void on_message(sip::LinkId link, sip::Parsed parsed, sip::Admission admission) override {
        if (admission.status == 0 && is_for_a_test(link, parsed)) return;
        auto* shard = gateway.shards_[gateway.shard_for(parsed.message)].get();
        shard->executor.post([shard, link, parsed = std::move(parsed), admission = std::move(admission)]() mutable {
            shard->domains.on_message(link, std::move(parsed), std::move(admission));
        });
    }
    // The notification of a look-up by `federation test`: a 200 is all that it gets.
    bool is_for_a_test(sip::LinkId link, const sip::Parsed& parsed) {
        const auto& message = parsed.message;
        if (!gateway.look_ups_.any() || parsed.problem || !message.is_request() ||
            message.method() != sip::Method::notify)
            return false;
        if (!gateway.look_ups_.take(message.header(sip::HeaderId::call_id), links.address_of(link))) return false;
        links.send(link, sip::make_response(message, 200, "OK", {}).serialise());
        return true;
    }
    void on_link_down(sip::LinkId link, const std::string& remote) override {
        for (const auto& shard : gateway.shards_)
            shard->executor.post([to = shard.get(), link, remote] { to->domains.on_link_down(link, remote); });
        if (remote.empty()) return;
        // One that the partner had opened says nothing while ours stands.
        auto* home = gateway.home_of(remote);
        home->executor.post([home, remote] {
            if (!home->links.connected_to(remote)) home->recovery.suspect(remote, Recovery::Sign::link_lost);
        });
    }
    void on_link_up(const std::string& remote) override {
        for (const auto& shard : gateway.shards_)
            shard->executor.post([to = shard.get(), remote] { to->domains.on_link_up(remote); });
    }

    SipGateway& gateway;
    std::size_t index;
    Executor& executor;
    storage::DialogStore& store;
    SipLinks links;
    struct Queue {
        Turns turns;
        Timer timer;  // until first contacts may go on
    };
    std::map<std::string, Queue> turns;
    Recovery recovery;
    SipDomains domains;
};

SipGateway::SipGateway(net::Network& network, Random& random, SipSettingsSource settings, sip::CoreConfig config,
                       Observers observers)
    : network_(network),
      random_(random),
      settings_(std::move(settings)),
      config_(std::move(config)),
      observers_(observers) {}

SipGateway::~SipGateway() = default;

SipDomains& SipGateway::add_shard(SipDomains::Parts parts) {
    parts.observers = observers_;
    shards_.push_back(std::make_unique<Shard>(*this, shards_.size(), parts));
    return shards_.back()->domains;
}

void SipGateway::start(Function<void(Result<>)> ready) {
    struct Loading {
        std::size_t missing;
        Result<> result;
        Function<void(Result<>)> ready;
    };
    auto loading = std::make_shared<Loading>(Loading{shards_.size(), {}, std::move(ready)});
    auto* first = &shards_.front()->executor;
    for (const auto& shard : shards_) {
        std::size_t begin = cluster::slots, end = 0;
        for (std::size_t slot = 0; slot < cluster::slots; ++slot) {
            if (shard_of(static_cast<cluster::Slot>(slot)) != shard->index) continue;
            begin = std::min(begin, slot);
            end = slot;
        }
        auto loaded = [to = shard.get(), first, loading](Result<std::vector<storage::DialogRow>> rows) {
            if (rows) to->domains.restore(*rows);
            first->post([loading, result = rows ? Result<>{} : Result<>{rows.error()}] {
                if (!result) loading->result = result;
                if (--loading->missing == 0) loading->ready(loading->result);
            });
        };
        shard->executor.post([to = shard.get(), begin, end, loaded = std::move(loaded)]() mutable {
            to->store.load(static_cast<cluster::Slot>(begin), static_cast<cluster::Slot>(end), std::move(loaded));
        });
    }
}

Result<> SipGateway::listen(const net::Endpoint& endpoint, bool tls) {
    auto& first = *shards_.front();
    auto listener = network_.listen(first.executor, endpoint, [this, tls](std::unique_ptr<net::Connection> connection) {
        auto* shard = shards_[next_++ % shards_.size()].get();
        if (shard->executor.in_this_thread()) return shard->links.accept(std::move(connection), tls);
        auto* moving = connection.get();
        moving->move_to(shard->executor, [shard, tls, connection = std::move(connection)]() mutable {
            shard->links.accept(std::move(connection), tls);
        });
    });
    if (!listener) return listener.error();
    listeners_.push_back(*std::move(listener));
    return {};
}

std::vector<net::Endpoint> SipGateway::endpoints() const {
    std::vector<net::Endpoint> result;
    for (const auto& listener : listeners_) result.push_back(listener->local());
    return result;
}

void SipGateway::describe(std::size_t shard, const std::string& domain, im::PartnerOverview& out) const {
    if (!domain.empty()) shards_[shard]->links.describe(domain, out);
    shards_[shard]->domains.describe(domain, out);
}

void SipGateway::retry(std::size_t shard, const std::string& domain) const {
    shards_[shard]->links.retry(domain);
    shards_[shard]->domains.retry(domain);
}

void SipGateway::shut_down(std::size_t shard) {
    shards_[shard]->recovery.stop();
    shards_[shard]->links.shut_down();
}

// One shard has all connections to a domain, so that its requests keep their order.
SipGateway::Shard* SipGateway::home_of(std::string_view domain) const {
    // A-labels, as they are on the wire, have the home of the domain's U-labels.
    const auto known = domain.find("xn--") == std::string_view::npos ? std::string(domain) : policy_domain(domain);
    return shards_[xxh64(known) % shards_.size()].get();
}

std::size_t SipGateway::shard_for(const sip::Message& message) const {
    const auto& own = message.is_request() ? message.to() : message.from();
    if (!own) return 0;
    if (const auto token = sip::parse_tag(own->tag())) return shard_of(SipDomains::slot_of_token(token->slot));
    const auto jid = own->uri.is_sip() ? jid_from_sip(own->uri.user(), own->uri.host()) : jid_from_sip(own->uri);
    return jid ? shard_of(cluster::slot_of(meant_by_partner(*jid, settings_()->rooms))) : 0;
}

}  // namespace parley::gateway
