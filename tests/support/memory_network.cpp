#include "tests/support/memory_network.hpp"

#include <algorithm>
#include <deque>
#include <set>

#include "base/hash.hpp"
#include "base/text.hpp"

namespace parley::test {

using net::Connection;
using net::DnsAnswer;
using net::Endpoint;
using net::PeerCertificate;

struct MemoryNetwork::Host {
    std::string address;
    std::uint16_t next_port = 40'000;
    std::optional<PeerCertificate> certificate;
    std::map<const net::TlsContext*, PeerCertificate> by_context;
    std::vector<std::string> shown;  // DER
};

namespace {

constexpr std::size_t pipe_capacity = std::size_t{256} * 1024;  // what "the kernel" holds in each direction
constexpr std::size_t drained_from = std::size_t{64} * 1024;

// What travels, in order.
struct Item {
    enum class Kind { bytes, hello, fin, reset } kind;
    std::string bytes{};
    std::optional<PeerCertificate> certificate{};  // of a hello
    std::vector<std::string> shown{};              // of a hello
    std::string server_name{};
    std::string text{};  // of a reset: why
};

std::string key_of(const std::string& address, std::uint16_t port) {
    return Endpoint{address, port}.to_string();
}

}  // namespace

struct MemoryNetwork::World {
    struct End;
    struct Listening {
        Executor* executor;
        Accepted accepted;
        std::shared_ptr<Host> host;
    };
    Dns dns;
    std::map<std::string, std::shared_ptr<Listening>>
        listeners;  // by address and port; by port alone when for any address
    std::vector<std::weak_ptr<End>> ends;
    std::set<std::string> black_holes;
    std::size_t chunk = 0;
    std::string protocol = "TLSv1.3";
    std::uint64_t next_connection = 0;

    bool lost(const std::string& a, const std::string& b) const {
        return black_holes.contains(a) || black_holes.contains(b);
    }
    std::shared_ptr<Listening> find(const Endpoint& to) const {
        auto it = listeners.find(to.to_string());
        if (it == listeners.end()) it = listeners.find(key_of("", to.port));
        return it == listeners.end() ? nullptr : it->second;
    }
};

// One end of a connection, held by its Connection and by the work that is posted for it.
struct MemoryNetwork::World::End : std::enable_shared_from_this<End> {
    enum class Phase { open, closing, closed };
    enum class Tls { none, after_plain, handshaking, ready };

    std::shared_ptr<World> world;
    std::shared_ptr<Host> host;
    Executor* executor = nullptr;
    std::weak_ptr<End> peer;
    Connection::Handler* handler = nullptr;
    Endpoint local, remote;
    std::uint64_t id = 0;

    std::string out;             // sent by the owner, not yet in the pipe
    std::size_t plain_left = 0;  // of `out`, before the handshake
    std::deque<Item> in;         // in the pipe, towards us
    std::size_t in_bytes = 0;
    Phase phase = Phase::open;
    Tls tls = Tls::none;
    Connection::TlsRole role = Connection::TlsRole::client;
    std::shared_ptr<net::TlsContext> context;
    std::optional<net::TlsInfo> info;
    std::vector<std::string> shown;  // to us
    std::string server_name;
    std::optional<Error> why;
    bool paused = false, moving = false, scheduled = false, owes_drained = false, greeted = false, fin_sent = false;

    void schedule() {
        if (scheduled || moving) return;
        scheduled = true;
        executor->post([self = shared_from_this()] {
            self->scheduled = false;
            if (!self->moving) self->turn();
        });
    }

    void turn() {
        if (phase == Phase::closed) return report();
        flush();
        if (phase == Phase::open && !moving) receive();
        if (phase == Phase::closing && !moving) finish();
    }

    void give(Item item) {
        const auto to = peer.lock();
        if (!to || to->phase == Phase::closed || world->lost(local.address, remote.address)) return;
        to->in_bytes += item.bytes.size();
        to->in.push_back(std::move(item));
        to->schedule();
    }

    void flush() {
        const auto to = peer.lock();
        const bool was_waiting = !out.empty();
        while (!out.empty() && tls != Tls::handshaking && (tls != Tls::after_plain || plain_left > 0)) {
            std::size_t size = tls == Tls::after_plain ? plain_left : out.size();
            if (to && to->phase == Phase::open && !world->lost(local.address, remote.address))
                size = std::min(size, pipe_capacity - std::min(pipe_capacity, to->in_bytes));
            if (size == 0) {
                owes_drained = true;
                break;
            }
            give({Item::Kind::bytes, out.substr(0, size)});
            out.erase(0, size);
            plain_left -= std::min(plain_left, size);
        }
        if (tls == Tls::after_plain && plain_left == 0) {
            tls = Tls::handshaking;
            if (role == Connection::TlsRole::client) greet();
        }
        if (was_waiting && out.empty() && owes_drained) {
            owes_drained = false;
            if (handler != nullptr && phase == Phase::open) handler->on_drained();
        }
    }

    void greet() {
        greeted = true;
        Item hello{Item::Kind::hello};
        hello.server_name = server_name;
        hello.certificate = host->certificate;
        hello.shown = host->shown;
        if (const auto it = host->by_context.find(context.get()); context && it != host->by_context.end())
            hello.certificate = it->second;
        give(std::move(hello));
    }

    void receive() {
        while (!in.empty() && phase == Phase::open && !moving) {
            auto& first = in.front();
            if (first.kind == Item::Kind::reset) return end({Errc::closed, first.text});
            if (tls == Tls::after_plain) return;
            if (tls == Tls::handshaking) {
                if (first.kind == Item::Kind::bytes) return reset("the TLS handshake failed: not a TLS record");
                if (first.kind == Item::Kind::fin)
                    return end({Errc::closed, "the TLS handshake failed: the peer closed"});
                if (!greeted) greet();
                secured(first);
                continue;
            }
            if (first.kind == Item::Kind::hello) return;  // waits for our start_tls
            if (handler == nullptr || paused) return;
            if (first.kind == Item::Kind::fin) {
                in.pop_front();
                if (!why) why = Error{Errc::closed, "the peer closed the connection"};
                phase = Phase::closing;
                return;
            }
            std::string bytes;
            if (world->chunk == 0 || first.bytes.size() <= world->chunk) {
                bytes = std::move(first.bytes);
                in.pop_front();
            } else {
                bytes = first.bytes.substr(0, world->chunk);
                first.bytes.erase(0, world->chunk);
            }
            in_bytes -= bytes.size();
            if (const auto from = peer.lock(); from && !from->out.empty()) from->schedule();
            handler->on_bytes(bytes);
        }
    }

    void secured(const Item& hello) {
        tls = Tls::ready;
        info.emplace();
        info->protocol = world->protocol;
        info->cipher = "TLS_AES_128_GCM_SHA256";
        info->server_name = role == Connection::TlsRole::client ? server_name : hello.server_name;
        info->peer = hello.certificate;
        shown = hello.shown;
        in.pop_front();
        if (handler != nullptr) handler->on_secured();
        if (phase == Phase::open && !moving) flush();
    }

    void reset(const std::string& text) {
        Item item{Item::Kind::reset};
        item.text = "the connection was reset";
        give(std::move(item));
        end({Errc::closed, text});
    }

    // At an event: the handler is told now.
    void end(Error error) {
        if (phase == Phase::closed) return;
        phase = Phase::closed;
        if (!why) why = std::move(error);
        report();
    }

    void report() {
        in.clear();
        if (auto* told = std::exchange(handler, nullptr)) {
            const auto error = *why;
            told->on_closed(error);
        }
    }

    // Closing: done once all is in the pipe.
    void finish() {
        if (tls == Tls::handshaking || tls == Tls::after_plain) out.clear();
        if (!out.empty() && peer.lock()) return;
        if (!std::exchange(fin_sent, true)) give({Item::Kind::fin});
        end({Errc::closed, "closed by us"});
    }
};

namespace {

using End = MemoryNetwork::World::End;

class MemoryConnection final : public Connection {
public:
    explicit MemoryConnection(std::shared_ptr<End> end) : end_(std::move(end)) {}
    ~MemoryConnection() override {
        end_->handler = nullptr;
        if (end_->phase != End::Phase::open) return;
        Item item{Item::Kind::reset};
        item.text = "the peer closed the connection";
        end_->give(std::move(item));
        end_->phase = End::Phase::closed;
    }
    void set_handler(Handler* handler) override {
        end_->handler = handler;
        end_->schedule();
    }
    void send(std::string_view bytes) override {
        if (end_->phase != End::Phase::open || bytes.empty()) return;
        end_->out += bytes;
        if (end_->out.size() >= drained_from) end_->owes_drained = true;
        end_->schedule();
    }
    std::size_t unsent() const override { return end_->out.size(); }
    void pause_reading(bool paused) override {
        end_->paused = paused;
        if (!paused) end_->schedule();
    }
    void start_tls(std::shared_ptr<net::TlsContext> context, TlsRole role, std::string server_name) override {
        if (end_->phase != End::Phase::open || end_->tls != End::Tls::none) return;
        end_->context = std::move(context);
        end_->role = role;
        end_->server_name = std::move(server_name);
        end_->tls = End::Tls::after_plain;
        end_->plain_left = end_->out.size();
        end_->schedule();
    }
    void close() override {
        if (end_->phase != End::Phase::open) return;
        end_->phase = End::Phase::closing;
        end_->why = Error{Errc::closed, "closed by us"};
        end_->schedule();
    }
    void abort() override {
        if (end_->phase == End::Phase::closed) return;
        Item item{Item::Kind::reset};
        item.text = "the peer closed the connection";
        end_->give(std::move(item));
        end_->phase = End::Phase::closed;
        end_->why = Error{Errc::closed, "aborted by us"};
        end_->out.clear();
        end_->schedule();
    }
    const Endpoint& remote() const override { return end_->remote; }
    const Endpoint& local() const override { return end_->local; }
    const net::TlsInfo* tls() const override { return end_->info ? &*end_->info : nullptr; }
    std::vector<std::string> peer_certificates() const override { return end_->shown; }
    std::string channel_binding() const override {
        return end_->info ? sha256("connection " + std::to_string(end_->id)) : std::string();
    }
    Executor& executor() const override { return *end_->executor; }
    void move_to(Executor& executor, Function<void()> arrived) override {
        end_->moving = true;
        end_->executor->post([end = end_, &executor, arrived = std::move(arrived)]() mutable {
            executor.post([end, &executor, arrived = std::move(arrived)] {
                end->executor = &executor;
                end->moving = false;
                arrived();
                end->schedule();
            });
        });
    }

private:
    std::shared_ptr<End> end_;
};

class MemoryListener final : public net::Listener {
public:
    MemoryListener(std::shared_ptr<MemoryNetwork::World> world, Endpoint local)
        : world_(std::move(world)), local_(std::move(local)) {}
    ~MemoryListener() override { world_->listeners.erase(local_.to_string()); }
    Endpoint local() const override { return local_; }

private:
    std::shared_ptr<MemoryNetwork::World> world_;
    Endpoint local_;
};

bool numeric(const std::string& name) {
    return !name.empty() &&
           (name.find(':') != std::string::npos || name.find_first_not_of("0123456789.") == std::string::npos);
}

std::string dns_key(std::string_view name) {
    auto key = to_lower(name);
    if (key.ends_with('.')) key.pop_back();
    return key;
}

template <class Record, class Table>
void answer(MemoryNetwork::Dns& dns, Executor& executor, const std::string& kind, const std::string& name,
            const Table& table, Function<void(Result<DnsAnswer<Record>>)> done) {
    const auto key = dns_key(name);
    dns.asked.push_back(kind + ' ' + key);
    if (dns.silent.contains(key)) {
        auto timer = std::make_shared<Timer>();
        *timer = executor.after(Millis{3'000}, [timer, key, done = std::move(done)] {
            done(Error{Errc::timed_out, "DNS does not answer for " + key});
        });
        return;
    }
    Result<DnsAnswer<Record>> result{DnsAnswer<Record>{}};
    if (const auto it = dns.failing.find(key); it != dns.failing.end())
        result = it->second;
    else if (const auto found = table.find(key); found != table.end())
        result = DnsAnswer<Record>{found->second, dns.secure.contains(key), Seconds{300}};
    executor.post([done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
}

}  // namespace

MemoryNetwork::MemoryNetwork(std::string address) : world_(std::make_shared<World>()), host_(std::make_shared<Host>()) {
    host_->address = std::move(address);
}

MemoryNetwork::MemoryNetwork(MemoryNetwork& same_world, std::string address)
    : world_(same_world.world_), host_(std::make_shared<Host>()) {
    host_->address = std::move(address);
}

MemoryNetwork::~MemoryNetwork() = default;

MemoryNetwork::Dns& MemoryNetwork::dns() {
    return world_->dns;
}
void MemoryNetwork::set_certificate(std::optional<PeerCertificate> certificate) {
    host_->certificate = std::move(certificate);
}
void MemoryNetwork::set_certificates_shown(std::vector<std::string> der) {
    host_->shown = std::move(der);
}
void MemoryNetwork::set_certificate(const net::TlsContext* context, PeerCertificate certificate) {
    host_->by_context[context] = std::move(certificate);
}
void MemoryNetwork::set_protocol(const std::string& protocol) {
    world_->protocol = protocol;
}

void MemoryNetwork::set_chunk(std::size_t bytes) {
    world_->chunk = bytes;
}

void MemoryNetwork::set_black_hole(const std::string& address, bool on) {
    if (on)
        world_->black_holes.insert(address);
    else
        world_->black_holes.erase(address);
}

void MemoryNetwork::reset_connections(const std::string& address) {
    for (const auto& weak : world_->ends) {
        const auto end = weak.lock();
        if (!end || end->phase == End::Phase::closed) continue;
        if (!address.empty() && end->local.address != address && end->remote.address != address) continue;
        end->phase = End::Phase::closed;
        end->why = Error{Errc::closed, "Connection reset by peer"};
        end->schedule();
    }
}

std::size_t MemoryNetwork::open_connections() const {
    return static_cast<std::size_t>(std::count_if(world_->ends.begin(), world_->ends.end(),
                                                  [](const auto& weak) {
                                                      const auto end = weak.lock();
                                                      return end && end->phase == End::Phase::open;
                                                  }) +
                                    1) /
           2;
}

bool MemoryNetwork::listening(const Endpoint& endpoint) const {
    return world_->find(endpoint) != nullptr;
}

Result<std::unique_ptr<net::Listener>> MemoryNetwork::listen(Executor& executor, const Endpoint& endpoint,
                                                             Accepted accepted) {
    auto local = endpoint;
    if (local.address.empty() || local.address == "0.0.0.0" || local.address == "::") local.address = host_->address;
    if (local.port == 0) local.port = host_->next_port++;
    const auto key = local.to_string();
    if (world_->listeners.contains(key))
        return Error{Errc::conflict, "cannot listen on " + key + ": the port is in use by another program"};
    world_->listeners[key] =
        std::make_shared<World::Listening>(World::Listening{&executor, std::move(accepted), host_});
    return std::unique_ptr<net::Listener>(std::make_unique<MemoryListener>(world_, local));
}

void MemoryNetwork::connect(Executor& executor, const Endpoint& to, Millis timeout, Connected connected) {
    if (world_->lost(host_->address, to.address)) {
        auto timer = std::make_shared<Timer>();
        *timer = executor.after(timeout, [timer, to, connected = std::move(connected)] {
            connected(Error{Errc::timed_out, to.to_string() + " does not answer"});
        });
        return;
    }
    executor.post([world = world_, host = host_, &executor, to, connected = std::move(connected)] {
        const auto listening = world->find(to);
        if (!listening) {
            connected(Error{Errc::closed, "cannot connect to " + to.to_string() + ": Connection refused"});
            return;
        }
        const auto ours = std::make_shared<End>(), theirs = std::make_shared<End>();
        const auto id = world->next_connection++;
        for (const auto& end : {ours, theirs}) {
            end->world = world;
            end->id = id;
            world->ends.push_back(end);
        }
        ours->host = host;
        ours->executor = &executor;
        ours->peer = theirs;
        ours->local = {host->address, host->next_port++};
        ours->remote = to;
        theirs->host = listening->host;
        theirs->executor = listening->executor;
        theirs->peer = ours;
        theirs->local = to;
        theirs->remote = ours->local;
        listening->executor->post([listening, theirs, key = to.to_string()] {
            listening->accepted(std::make_unique<MemoryConnection>(theirs));
        });
        connected(std::unique_ptr<Connection>(std::make_unique<MemoryConnection>(ours)));
    });
}

void MemoryNetwork::resolve_srv(Executor& executor, const std::string& name,
                                Function<void(Result<DnsAnswer<net::SrvRecord>>)> done) {
    answer<net::SrvRecord>(world_->dns, executor, "SRV", name, world_->dns.srv, std::move(done));
}

void MemoryNetwork::resolve_host(Executor& executor, const std::string& name,
                                 Function<void(Result<DnsAnswer<std::string>>)> done) {
    if (numeric(name)) {
        executor.post([name, done = std::move(done)] { done(DnsAnswer<std::string>{{name}, false, Seconds{0}}); });
        return;
    }
    answer<std::string>(world_->dns, executor, "HOST", name, world_->dns.host, std::move(done));
}

void MemoryNetwork::resolve_tlsa(Executor& executor, const std::string& name,
                                 Function<void(Result<DnsAnswer<net::TlsaRecord>>)> done) {
    answer<net::TlsaRecord>(world_->dns, executor, "TLSA", name, world_->dns.tlsa, std::move(done));
}

PeerCertificate certificate_for(const std::string& domain) {
    PeerCertificate out;
    out.trusted = true;
    out.common_name = domain;
    out.dns_names = {domain, "sip." + domain};
    out.xmpp_addrs = {domain};
    out.sha256 = hex_encode(sha256(domain));
    return out;
}

}  // namespace parley::test
