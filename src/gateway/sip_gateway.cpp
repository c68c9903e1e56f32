#include "gateway/sip_gateway.hpp"

#include "base/hash.hpp"
#include "gateway/mapping/address.hpp"
#include "sip/header/name_addr.hpp"
#include "sip/tag.hpp"

namespace parley::gateway {

struct SipGateway::Shard final : SipDomains::Wire, SipLinks::Inbox {
    Shard(SipGateway& gateway_, std::size_t index_, SipDomains::Parts parts)
        : gateway(gateway_),
          index(index_),
          executor(parts.executor),
          store(parts.dialogs),
          links(index_, parts.executor, gateway_.network_, gateway_.random_, gateway_.settings_, *this),
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
        // One shard has all connections to a domain, so that its requests keep their order.
        auto* home = gateway.shards_[xxh64(remote) % gateway.shards_.size()].get();
        home->executor.post([this, home, local = std::move(local), remote = std::move(remote), bytes = std::move(bytes),
                             id]() mutable {
            home->links.send_to_domain(local, remote, std::move(bytes), [this, id](std::optional<sip::LinkId> link) {
                if (!id) return;
                executor.post([this, id, link] { link ? domains.on_sent(id, *link) : domains.on_send_failed(id); });
            });
        });
    }

    // ---- Inbox: from this shard's connections to the shard of the user
    void on_message(sip::LinkId link, sip::Parsed parsed, int refusal) override {
        auto* shard = gateway.shards_[gateway.shard_for(parsed.message)].get();
        shard->executor.post([shard, link, parsed = std::move(parsed), refusal]() mutable {
            shard->domains.on_message(link, std::move(parsed), refusal);
        });
    }
    void on_link_down(sip::LinkId link, const std::string& remote) override {
        for (const auto& shard : gateway.shards_)
            shard->executor.post([to = shard.get(), link, remote] { to->domains.on_link_down(link, remote); });
    }

    SipGateway& gateway;
    std::size_t index;
    Executor& executor;
    storage::DialogStore& store;
    SipLinks links;
    SipDomains domains;
};

SipGateway::SipGateway(net::Network& network, Random& random, SipSettingsSource settings, sip::CoreConfig config)
    : network_(network), random_(random), settings_(std::move(settings)), config_(std::move(config)) {}

SipGateway::~SipGateway() = default;

SipDomains& SipGateway::add_shard(SipDomains::Parts parts) {
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

void SipGateway::shut_down(std::size_t shard) {
    shards_[shard]->links.shut_down();
}

std::size_t SipGateway::shard_for(const sip::Message& message) const {
    const auto own =
        sip::parse_name_addr(message.header(message.is_request() ? sip::HeaderId::to : sip::HeaderId::from));
    if (!own) return 0;
    if (const auto token = sip::parse_tag(own->tag())) return shard_of(SipDomains::slot_of_token(token->slot));
    const auto jid = own->uri.is_sip() ? jid_from_sip(own->uri.user(), own->uri.host()) : jid_from_sip(own->uri);
    return jid ? shard_of(cluster::slot_of(*jid)) : 0;
}

}  // namespace parley::gateway
