#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/executor.hpp"
#include "im/envelope.hpp"
#include "im/resend.hpp"
#include "server/sent_memory.hpp"
#include "server/stream_management.hpp"
#include "storage/spool_store.hpp"
#include "xmpp/jid.hpp"

namespace parley::server {

class C2sStream;
class Shard;
class User;

// A stream with a bound resource (RFC 6120 7), or what is left of it while its client may resume (XEP-0198 5). Lives on
// its user's shard and belongs to its User.
class Session : public std::enable_shared_from_this<Session> {
public:
    Session(Shard& shard, User& user, xmpp::Jid jid);

    const xmpp::Jid& jid() const { return jid_; }
    User& user() const { return user_; }
    C2sStream* stream() const { return stream_; }  // nullptr while hibernating

    // RFC 6121: the presence last broadcast; empty while the resource is merely connected.
    std::shared_ptr<const xmpp::Stanza> presence;
    int priority = 0;
    bool available() const { return presence != nullptr; }
    bool interested = false;   // has asked for the roster
    bool carbons = false;      // XEP-0280
    bool native = false;       // native_clients.hpp
    bool shows_xhtml = false;  // the same
    // Has asked for the user's policy by that face, and hears of its changes (XEP-0191, XEP-0016, urn:parley:policy:0).
    bool asked_block_list = false, asked_privacy_list = false, asked_policy = false;
    std::uint32_t policy_pushes = 0;
    std::string caps_question;     // the id of our question what this client can do; empty: none
    std::set<xmpp::Jid> directed;  // who got directed presence and must hear of the end (4.6.3)

    im::SentBook said{SentMemory::most_a_session};  // the messages of its client, for SentMemory

    // Writes the stanza to the client, or keeps it for resumption. `spool_id` names the row that goes once the client
    // has confirmed it: by an acknowledgement, or by answering a ping sent behind it.
    //
    // `settled` instead of a row: what its sender keeps goes out before it is on disk, and is settled when the client
    // has confirmed it. If that takes too long, or the session ends, it goes to the spool like any other message.
    void deliver(const im::Envelope& envelope, std::int64_t spool_id = 0, im::Settled settled = {});
    // A repetition of such a message settles together with it. False, and nothing is taken: it does not wait here.
    bool settle_together(std::string_view origin, im::Settled& settled);
    // It is in the spool now. False: the client has confirmed it meanwhile.
    bool keep_row(std::string_view origin, std::int64_t spool_id);

    // A client that does not read, or confirms nothing, takes no more messages: they wait on disk, in their order,
    // until it has caught up. What has no row there still goes to it, until the hard limits end the session.
    bool takes_messages() const { return !backlog_.waiting && !congested(); }
    bool has_backlog() const { return backlog_.waiting; }
    void await_stored();                        // it may have what waits for its user
    void leave_on_disk(std::int64_t spool_id);  // this row, and what comes later
    void catch_up();                            // takes what it can of what waits on disk

    // XEP-0198.
    bool managed() const { return managed_; }
    bool resumable() const { return !resume_id_.empty(); }
    const std::string& resume_id() const { return resume_id_; }
    std::string enable_management(bool resume);  // gives the resume id, empty if not wanted
    std::uint32_t begin_inbound() { return inbound_.begin(); }
    void settle_inbound(std::uint32_t number);
    void on_ack_request();
    // False: the client confirms more than it was sent.
    bool on_ack(std::uint32_t h);
    bool fully_settled() const { return inbound_.settled_all(); }
    // The client has ended its stream in order: it hears last how far we have come.
    void on_goodbye();
    // It will send nothing again: it said goodbye, and we have acknowledged all that it can have acknowledged.
    bool concluded() const { return goodbye_ && (!managed_ || inbound_.told() == inbound_.received()); }
    std::uint32_t tell_handled() { return inbound_.tell() - managed_from_; }  // the `h` of XEP-0198, for the client
    // Once all that the client has sent so far is on disk or done with.
    void when_settled(Function<void()> then);
    void resend_unacked();
    std::size_t unacked() const { return outbound_.size(); }

    // The answer to a barrier ping (design of receivers without stream management). True: it was ours.
    bool on_barrier_answer(std::string_view id);

    void attach(C2sStream& stream);
    void detach() { stream_ = nullptr; }
    // What the client never confirmed, to be routed anew by the user. Leaves nothing behind.
    Queue<UnackedQueue::Sent> take_unconfirmed();

    Timer resume_timer;

private:
    bool congested() const;
    void take_from_disk(Result<std::vector<storage::SpooledMessage>> rows);
    void request_ack();
    void want_barrier();
    void send_barrier();
    void confirm(std::vector<UnackedQueue::Sent> covered);
    void want_write(Millis from_now);
    void write_what_waits();
    UnackedQueue::Sent* find_sent(std::string_view origin);

    Shard& shard_;
    User& user_;
    xmpp::Jid jid_;
    C2sStream* stream_ = nullptr;
    InboundAcks inbound_;
    UnackedQueue outbound_;
    std::string resume_id_;
    struct Backlog {
        std::int64_t after = 0;  // rows up to this one have been looked at
        bool waiting = false;    // some may be on disk that this session is to have
        bool loading = false;
        bool more_came = false;  // since loading began
    };
    Backlog backlog_;
    Timer backlog_timer_;  // after a read that failed
    std::vector<Function<void()>> when_settled_;
    // Spooled messages written to a client without stream management: before and behind the ping that is under way.
    Queue<UnackedQueue::Sent> unproven_;
    std::size_t covered_by_barrier_ = 0;
    std::uint32_t barrier_number_ = 0;
    Timer barrier_timer_;
    Timer write_timer_;               // for what is delivered first
    std::uint32_t managed_from_ = 0;  // stanzas before <enable/> do not count
    bool managed_ = false;
    bool ack_requested_ = false;
    bool goodbye_ = false;
};

}  // namespace parley::server
