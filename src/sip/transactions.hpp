#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/function.hpp"
#include "base/random.hpp"
#include "sip/deadlines.hpp"
#include "sip/header/via.hpp"
#include "sip/ids.hpp"
#include "sip/message.hpp"
#include "sip/transaction_state.hpp"

namespace parley::sip {

// What became of a request of ours.
struct Answer {
    int status = 0;                     // 408: nobody answered; 503: it could not be sent
    const Message* response = nullptr;  // none when the status is our own
    bool sent = true;                   // false: it never left us
    bool local() const { return response == nullptr; }
};
using AnswerHandler = Function<void(const Answer&)>;

// All transactions of a shard: matching (RFC 3261 17.1.3, 17.2.3, with RFC 2543's rule for a Via without our kind of
// branch), merged requests (8.2.2.2), repeats, ACK and CANCEL. The domain in From, which the caller has checked, is
// part of what is matched, so that nobody answers for, repeats or cancels what another domain has asked. Sends nothing
// itself. One thread.
class Transactions {
public:
    // ---- requests of peers
    enum class Arrival {
        fresh,       // the user answers it by respond()
        repeat,      // `resend` goes out again, if there is any
        absorbed,    // nothing to do
        ack,         // the ACK of a 2xx: for the dialog
        merged,      // 482: the same request by another way
        overloaded,  // 503
    };
    struct Arrived {
        Arrival kind;
        ServerTransactionId id{};
        std::string resend{};
        LinkId link{};
    };
    using Request = std::shared_ptr<const Message>;  // shared with whoever is looking at it
    Arrived on_request(Request request, LinkId link, SteadyTime now);

    const Message* request(ServerTransactionId id) const;  // nullptr when it has ended
    LinkId link(ServerTransactionId id) const;
    // The INVITE that a CANCEL is for; nobody if it has had its final response.
    ServerTransactionId cancelled_by(const Message& cancel) const;
    // Records what was said; false if there is nothing to answer any more. A further 2xx to an INVITE passes.
    bool respond(ServerTransactionId id, int status, const std::string& bytes, SteadyTime now);

    void drop(ServerTransactionId id);  // without an answer

    // ---- requests of ours
    // Puts a Via with a new branch in front of the request. `handler` is called for each response that counts, at most
    // once with a final status for a non-INVITE; it may start further transactions.
    ClientTransactionId start(Message& request, std::string_view sent_by, AnswerHandler handler, Random& random,
                              SteadyTime now);
    // It went out by this link: from now on its answer is waited for.
    void on_sent(ClientTransactionId id, LinkId link, SteadyTime now);
    // A response of a peer. `ack`: the bytes to send for a non-2xx to an INVITE, and which transaction it was.
    struct Reply {
        ClientTransactionId id{};
        std::string ack{};
    };
    Reply on_response(const Message& response, SteadyTime now);
    const Message* sent_invite(ClientTransactionId id) const;  // nullptr when it has ended, or is of another method
    bool answered(ClientTransactionId id) const;               // has had a provisional response
    void abandon(ClientTransactionId id);                      // its handler is not called any more
    void on_send_failed(ClientTransactionId id);
    void on_link_down(LinkId link);

    // ---- time
    std::optional<SteadyTime> next_deadline() const;
    void on_time(SteadyTime now);

    std::size_t server_size() const { return servers_.size(); }
    std::size_t client_size() const { return clients_.size(); }

private:
    // Found by text that peers choose or that we have drawn; the transaction knows its key's place in the table.
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };
    template <class T>
    using Table = std::unordered_map<std::string, T, Hash, std::equal_to<>>;

    struct Server {
        ServerState state;
        LinkId link;
        const std::string* key;        // begins with the domain in From
        const std::string* merge_key;  // nullptr: it cannot come by two ways
        Request request;
        std::string last_response;  // while it may have to go out again
    };
    struct Client {
        ClientState state;
        LinkId link;
        const std::string* key;
        std::string call_id;
        std::unique_ptr<Message> invite;  // what its ACK and CANCEL are made of
        AnswerHandler handler;
    };
    void settle(ServerTransactionId id);
    void settle(ClientTransactionId id);
    void fail(ClientTransactionId id, int status);

    std::unordered_map<std::uint64_t, Server> servers_;
    std::unordered_map<std::uint64_t, Client> clients_;
    Table<ServerTransactionId> server_keys_, merge_keys_;
    Table<std::size_t> of_domain_;  // servers_ by the domain in From
    Table<ClientTransactionId> client_keys_;
    Deadlines<ServerTransactionId> server_deadlines_;
    Deadlines<ClientTransactionId> client_deadlines_;
    std::uint64_t last_id_ = 0;
};

}  // namespace parley::sip
