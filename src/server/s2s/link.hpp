#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "im/envelope.hpp"
#include "im/partner_history.hpp"
#include "im/partner_overview.hpp"
#include "server/queue.hpp"
#include "server/s2s/connect_turns.hpp"
#include "server/s2s/intake.hpp"
#include "server/s2s/out_stream.hpp"
#include "server/s2s/targets.hpp"

namespace parley::server {

class InStream;
class Shard;
class XmppFederation;

// What is to go from one local domain to one foreign domain over XMPP, in order: the queue, the attempts to connect,
// and the carrier: the stream that stanzas are written to. That is one that we have opened, or one that the partner has
// opened and lets us use (XEP-0288). One attempt at a time. Lives on one shard, whichever users it serves.
class Link final : public OutStream::Owner, private Intake::Stream {
public:
    Link(XmppFederation& federation, Shard& shard, ConnectTurns& turns, std::string local, std::string remote);
    ~Link() override;

    // `settled` when the peer has it as far as can be known: a message, when the peer has answered a ping sent behind
    // it; the rest, when it is written. An error when it could not be delivered within the time limit: s2s_connect for
    // a partner that cannot be reached, ten minutes in all for one that can and still proves nothing.
    void send(im::Envelope envelope, im::Settled settled);
    // Asks the peer whether it made this dialback key (XEP-0220 2.2.2). `answer`: yes, no, or could not be asked.
    enum class Verdict { valid, invalid, unknown };
    void verify(std::string stream_id, std::string key, Function<void(Verdict)> answer);

    // A result or error for one of our questions, whichever stream it came on.
    void on_answer(const xmpp::Stanza& answer);

    // A stream that the partner has opened for this pair of domains may be written to.
    void offer(std::shared_ptr<InStream> stream);
    // The same, and it goes on where an earlier one broke; of what was sent on that, `handled` has arrived.
    void offer_again(std::shared_ptr<InStream> stream, std::optional<std::uint32_t> handled);
    // Of the stream of the partner's that is the carrier.
    void heard();
    void counted_from_here();  // XEP-0198 has been enabled on it
    void on_acknowledged(const xml::Element& element);
    void on_carrier_drained() { flush(); }
    void on_carrier_ended(InStream& stream, bool may_return);  // `may_return`: another may go on from here

    void shut_down();  // our stream ends in order, and there is no other
    void retry();      // at once, and with the shortest pauses again
    void sweep();
    bool idle() const;
    bool opened() const { return stream_ && stream_->ready(); }
    TimePoint failed_at() const { return last_error_.empty() ? TimePoint{} : since_; }
    void describe(im::PartnerOverview& out) const;

private:
    struct Waiting {
        im::Envelope envelope;
        im::Settled settled;  // of what is no message: called when it was written
        SteadyTime since;
        std::size_t bytes;
        std::string name{};        // of a message, the same each time it is sent
        std::uint32_t number = 0;  // on a stream with stream management; kept while that may be resumed
    };
    struct Question {
        std::string stream_id, key;
        Function<void(Verdict)> answer;
        SteadyTime since;
        bool sent = false;
    };

    // OutStream::Owner
    void on_askable() override { ask(); }
    void on_ready() override;
    void on_drained() override;
    void on_element(xml::Element element) override;
    void on_ended(const Error& error) override;

    // Intake::Stream, of our own stream when the partner sends on it too.
    void say(std::string_view text) override { stream_->send(text); }
    void refuse(std::string_view condition, std::string_view text, const std::string& local,
                const std::string& remote) override;
    void hold(bool on) override { stream_->hold(on); }
    bool over() const override { return !stream_ || stream_->ending(); }
    const net::Endpoint& peer() const override { return stream_->remote(); }
    bool still_proves(const std::string& remote, Intake::Proof& proof) const override;

    // link.cpp: the queue, and connecting.
    bool connected() const { return carrier_ != nullptr; }
    bool wanted() const;
    void keep_to_the_rule();
    void end_stream(std::string_view condition, std::string_view text);
    void connect();
    void search();
    void try_next_target();
    void connected_to(const Target& target, std::unique_ptr<net::Connection> connection);
    void attempt_failed(const Error& error);
    void attempt_over();
    void try_again_later();
    void give_up(const Error& error);
    bool too_late(const Waiting& waiting) const;
    void check_deadlines();

    // link_sending.cpp: the carrier, and what proves that it has arrived.
    void use(XmlStream* carrier);
    void carrier_gone(bool may_return);
    void go_on_without_it();
    void flush();
    bool can_write() const;
    bool takes_names() const;
    void write(Waiting waiting);
    std::string name_for(const im::Envelope& message);
    void want_barrier();
    void barrier();
    void proven(std::size_t count);
    bool on_proof(std::string_view id);
    void on_silence();

    // link_management.cpp: XEP-0198 on the carrier and on our own stream, and resumption.
    void on_management(const xml::Element& element);
    void start_management();
    void enable();
    void on_enabled(const xml::Element& element);
    void on_resumed(const xml::Element& element);
    void go_on_from(std::uint32_t handled);
    void keep_nothing();
    void forget_resumption();
    bool may_resume() const;

    // link_asking.cpp: dialback keys, and which release the partner runs.
    void ask();
    void on_dialback(const xml::Element& element);
    void on_verdict(const xml::Element& element);
    void ask_release();
    void on_release(const xmpp::Stanza& answer);
    std::string ask_for(std::string_view id, const xml::Element& payload) const;
    void note(im::PartnerEvent::What what, const std::string& detail);  // link_history.cpp

    XmppFederation& federation_;
    Shard& shard_;
    std::string local_, remote_;
    const std::string store_;  // which store the numbers of the outbox are from
    const std::string run_;    // names what no outbox has: no other link, and no other run of the server, has the same
    std::uint64_t named_ = 0;
    Queue<Waiting> queue_;
    std::size_t queued_bytes_ = 0, unproven_bytes_ = 0;
    std::vector<Question> questions_;
    Timer deadline_timer_;

    // Connecting.
    ConnectTurns& turns_;
    std::shared_ptr<ConnectTurns::Turn> turn_;  // held, or waited for, until the stream is ready or the attempt is over
    std::shared_ptr<TargetSearch> search_;
    Queue<Target> targets_;
    im::DomainRule rule_;  // by which the stream was made
    unsigned rule_version_ = 0;
    Target target_;                                                  // of the stream
    bool timed_out_ = false;                                         // its negotiation
    im::PartnerEvent::Fault fault_ = im::PartnerEvent::Fault::none;  // of the last attempt
    bool connecting_ = false;
    std::unique_ptr<OutStream> stream_;
    std::string last_error_;                   // of the last attempt; empty after one that did not fail
    TimePoint since_{};                        // of the error, or of the stream
    int failed_attempts_ = 0;                  // since a carrier was last of use
    SteadyTime ready_since_{}, down_since_{};  // the carrier; there is none
    Timer attempt_timer_, idle_timer_, retry_timer_;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);  // tells late answers of the network that we are gone
    bool active_ = false;
    bool shutting_down_ = false;

    // The carrier, and what is on its way.
    XmlStream* carrier_ = nullptr;        // our stream_, or the partner's
    std::shared_ptr<InStream> borrowed_;  // the partner's, when that is the carrier
    std::weak_ptr<InStream> spare_;       // another one of the partner's
    Queue<Waiting> unproven_;             // written, and not yet followed by an answered ping
    std::size_t behind_ping_ = 0;         // how many of them the ping or <r/> under way covers
    bool asked_ = false;                  // a ping or <r/> is under way
    bool by_ping_ = false;                // the former
    bool proved_ = false;                 // something was proven on this carrier
    bool unheard_ = false;                // something was written since the peer was last heard
    SteadyTime unheard_since_{};
    bool managed_ = false;                       // XEP-0198 on the carrier
    bool keeping_ = false;                       // all that was sent is kept until it is confirmed: for a resumption
    std::uint32_t sent_ = 0, acknowledged_ = 0;  // stanzas on the carrier
    std::uint32_t ping_number_ = 0;
    Timer barrier_timer_, proof_timer_;

    // Our own stream: what comes on it, and its resumption.
    std::shared_ptr<Intake> intake_;  // when the partner sends on it too
    std::uint32_t arrived_ = 0;       // stanzas, when it does not
    std::string resume_id_;           // by which it could be resumed when it breaks
    SteadyTime resume_until_{};       // once it has broken
    bool resuming_ = false;           // and that has been asked for
    std::uint32_t resume_attempts_ = 0;
    bool unmanaged_ = false;  // stream management was refused
    Timer return_timer_;      // the partner may resume the stream of theirs that was the carrier

    enum class Release { unknown, asked, good };
    Release release_ = Release::unknown;  // what the partner's software is, where its kind makes that matter
    Timer release_timer_;
};

}  // namespace parley::server
