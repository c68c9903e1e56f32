#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/executor.hpp"
#include "cluster/bus.hpp"
#include "im/router.hpp"
#include "server/address_limits.hpp"
#include "server/native_clients.hpp"
#include "server/node.hpp"
#include "server/pair_events.hpp"
#include "server/refusal_log.hpp"
#include "server/sent_memory.hpp"
#include "storage/stores.hpp"

namespace parley::server {

class C2sStream;
class RoomService;
class Session;
class User;

// One thread's share of the node: the users of its slots with their sessions, the streams of its clients, and the way
// stanzas take from here. Everything is called on its executor's thread.
class Shard final : public cluster::SlotHandler, public im::Router {
public:
    Shard(Node& node, Executor& executor, std::unique_ptr<storage::Stores> stores, std::size_t index);
    ~Shard() override;
    void start();  // once all shards exist
    // Before anything is served: what waits for foreign domains since before the start goes on its way. `done` when it
    // has been read.
    void resume_outbox(Function<void()> done);
    void shut_down();  // every stream is told; nothing is accepted after it

    Node& node() const { return node_; }
    Executor& executor() const { return executor_; }
    storage::Stores& stores() const { return *stores_; }
    Random& random() const { return node_.random; }
    const Clock& clock() const { return executor_.clock(); }
    const Settings& settings();
    Counters counters;
    NativeClients native_clients{*this};
    SentMemory sent;
    im::SentBook delivered_first{32'768};  // what its sender kept and a client got before it was written (user.cpp)
    RefusalLog refusal_log;
    PairEvents events;

    // Where foreign domains are reached; set by the program before start().
    im::RemoteDomains* xmpp_domains = nullptr;
    im::RemoteDomains* sip_domains = nullptr;

    // Runs `then` with the user, loaded if need be. not_found: there is no such account; storage: nobody can say now.
    void with_user(const xmpp::Jid& user, Function<void(Result<User*>)> then);
    User* loaded_user(const xmpp::Jid& user) const;
    void forget_user(const xmpp::Jid& user);  // the account is gone: its sessions end
    // After a failed write: the roster or the policy as the disk has it.
    void reload_user(const xmpp::Jid& user);
    void reload_policy(const xmpp::Jid& user);
    std::size_t shard_of(const xmpp::Jid& user) const;
    // XEP-0359: the same for the same origin, and nobody outside can tell it beforehand.
    std::string stanza_id_of(const xmpp::Jid& user, std::string_view origin) const;
    // Of a user of this shard; `exists` is false where there is none. An error: the store could not be read.
    void describe(const xmpp::Jid& user, const xmpp::Jid& contact, Function<void(Result<im::PairFacts>)> then);

    // Streams.
    void accept(std::unique_ptr<net::Connection> connection, bool direct_tls, AddressLimits::Place place = {});
    void adopt(std::shared_ptr<C2sStream> stream);
    std::shared_ptr<C2sStream> release(C2sStream& stream);  // before it moves to another shard
    void stream_closed(C2sStream& stream);
    void stream_woke(C2sStream& stream);
    // Ends a session from inside one of its own calls.
    void end_later(Session& session, std::string condition, std::string text);
    std::string& scratch() { return scratch_; }

    // im::Router
    void route(im::Envelope envelope, im::Settled settled) override;
    void send(im::Envelope envelope) override;
    bool is_local(std::string_view domain) const override;  // a domain of users or of rooms
    bool is_room_domain(std::string_view domain) const;
    bool available(const xmpp::Jid& user) const override;
    bool shows_xhtml(const xmpp::Jid& user) const override;
    void reception(const xmpp::Jid& user, const xmpp::Jid& sender, Function<void(Result<im::Reception>)> then) override;
    void send(xmpp::Stanza stanza) { send(im::envelope(std::move(stanza))); }
    // What a user of this shard has sent came to nothing: an error for the client, or a message for the person if the
    // client has gone. `origin` names what was sent; `then` when that is on its way.
    void tell_sender(const std::shared_ptr<const xmpp::Stanza>& stanza, const std::string& origin,
                     const xmpp::StanzaError& why, Function<void()> then);

    // A rule lets nothing of this kind out to that foreign domain; accepted: it does.
    im::Outcome closed_from_here(const xmpp::Stanza& stanza, const std::string& domain);

    // cluster::SlotHandler
    void on_hand(im::Envelope envelope, im::Settled settled) override;
    void on_cast(im::Envelope envelope) override;

private:
    void sweep_streams();
    void sweep_users();
    void route_remote(im::Envelope envelope, im::Settled settled);
    im::Outcome closed_to(const xmpp::Stanza& stanza);  // not let in from the domain that it is from
    bool undecided(const std::string& domain);          // whether it is reached over XMPP or SIP
    // `again` runs in its turn when it is decided, with the error if it cannot be.
    void wait_for_way(const std::string& domain, Function<void(const im::Outcome&)> again);
    void way_found(const std::string& domain, const Result<im::Transport>& way);
    void deliver_again(im::Envelope envelope);
    xmpp::Stanza notice_of(const xmpp::Stanza& lost, const xmpp::StanzaError& why);
    void bounce(const im::Envelope& envelope, const xmpp::StanzaError& why);
    void deliver_from_outbox(im::RemoteDomains& remote, im::Envelope envelope);
    void to_remote(im::RemoteDomains& remote, im::Envelope envelope);

    Node& node_;
    Executor& executor_;
    std::unique_ptr<storage::Stores> stores_;
    std::size_t index_;
    cluster::LocalBus::Face bus_;
    const std::string stanza_id_key_;
    std::shared_ptr<const Settings> settings_;
    unsigned settings_version_ = 0;
    std::unordered_map<xmpp::Jid, std::unique_ptr<User>> users_;
    std::unordered_map<xmpp::Jid, std::vector<Function<void(Result<User*>)>>> loading_;
    std::unordered_map<C2sStream*, std::shared_ptr<C2sStream>> streams_;
    std::unordered_map<std::string, std::vector<Function<void(const im::Outcome&)>>> wayless_;  // by domain, in order
    std::vector<C2sStream*> awake_;  // that have had bytes lately; some may have gone since
    std::string scratch_;
    std::unique_ptr<RoomService> rooms_;
    Timer streams_timer_, users_timer_;
};

}  // namespace parley::server
