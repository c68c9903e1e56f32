#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "im/envelope.hpp"
#include "im/partner_overview.hpp"
#include "server/s2s/connect_turns.hpp"
#include "server/s2s/out_stream.hpp"
#include "server/s2s/targets.hpp"

namespace parley::server {

class RefusedReleases;
class Shard;

// What is to go from one local domain to one foreign domain over XMPP, in order: the queue, the attempts to connect,
// the stream. One attempt at a time. Lives on one shard, whichever users it serves.
class Link final : public OutStream::Owner {
public:
    Link(Shard& shard, ConnectTurns& turns, RefusedReleases& refused, std::string local, std::string remote);
    ~Link() override;

    // `settled` when the peer has it as far as can be known: a message, when the peer has answered a ping sent behind
    // it; the rest, when it is written. An error when it could not be delivered within the time limit.
    void send(im::Envelope envelope, im::Settled settled);
    // Asks the peer whether it made this dialback key (XEP-0220 2.2.2). `answer`: yes, no, or could not be asked.
    enum class Verdict { valid, invalid, unknown };
    void verify(std::string stream_id, std::string key, Function<void(Verdict)> answer);

    // A result or error for one of our questions, whichever stream it came on.
    void on_answer(const xmpp::Stanza& answer);

    void retry();  // at once, and with the shortest pauses again
    void sweep();
    bool idle() const { return !stream_ && !search_ && queue_.empty() && unproven_.empty() && questions_.empty(); }
    bool connected() const { return stream_ && stream_->ready(); }
    TimePoint failed_at() const { return last_error_.empty() ? TimePoint{} : since_; }
    void describe(im::PartnerOverview& out) const;

private:
    struct Waiting {
        im::Envelope envelope;
        im::Settled settled;
        SteadyTime since;
        std::size_t bytes;
        std::string name{};        // of a message, the same each time it is sent
        std::uint32_t number = 0;  // on a stream with stream management
    };
    struct Question {
        std::string stream_id, key;
        Function<void(Verdict)> answer;
        bool sent = false;
    };

    // OutStream::Owner
    void on_askable() override { ask(); }
    void on_ready() override;
    void on_drained() override { flush(); }
    void on_element(xml::Element element) override;
    void on_ended(const Error& error) override;

    void keep_to_the_rule();
    void connect();
    void search();
    void try_next_target();
    void connected_to(const Target& target, std::unique_ptr<net::Connection> connection);
    void flush();
    bool can_write() const;
    void write(Waiting waiting);
    std::string name_for(const im::Envelope& message);
    void want_barrier();
    void barrier();
    void proven(std::size_t count);
    bool on_management(const xml::Element& element);
    bool on_proof(std::string_view id);
    void ask_release();
    void on_release(const xmpp::Stanza& answer);
    std::string ask_for(std::string_view id, const xml::Element& payload) const;
    void ask();
    void attempt_failed(const Error& error);
    void give_up(const Error& error);
    void check_deadlines();

    Shard& shard_;
    std::string local_, remote_;
    const std::string store_;  // which store the numbers of the outbox are from
    std::deque<Waiting> queue_;
    std::deque<Waiting> unproven_;  // written, and not yet followed by an answered ping
    std::size_t behind_ping_ = 0;   // how many of them the ping or <r/> under way covers
    bool asked_ = false;            // a ping or <r/> is under way
    bool unheard_ = false;          // something was written since the peer was last heard
    SteadyTime unheard_since_{};
    bool managed_ = false;                       // XEP-0198 on this stream
    std::uint32_t sent_ = 0, acknowledged_ = 0;  // stanzas on it
    std::uint32_t arrived_ = 0;                  // and of the peer's
    enum class Release { unknown, asked, good };
    Release release_ = Release::unknown;  // what the partner's software is, where its kind makes that matter
    std::uint32_t ping_number_ = 0;
    std::size_t queued_bytes_ = 0, unproven_bytes_ = 0;
    std::vector<Question> questions_;
    ConnectTurns& turns_;
    RefusedReleases& refused_;
    std::shared_ptr<ConnectTurns::Turn> turn_;  // held, or waited for, until the stream is ready or the attempt is over
    std::shared_ptr<TargetSearch> search_;
    std::deque<Target> targets_;
    im::DomainRule rule_;  // by which the stream was made
    unsigned rule_version_ = 0;
    Target target_;           // of the stream
    bool timed_out_ = false;  // its negotiation
    std::unique_ptr<OutStream> stream_;
    std::string last_error_;  // of the last attempt; empty after one that did not fail
    TimePoint since_{};       // of the error, or of the stream
    Timer attempt_timer_, deadline_timer_, idle_timer_, barrier_timer_, retry_timer_, release_timer_;
    int failed_attempts_ = 0;                                // since the stream was last ready
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);  // tells late answers of the network that we are gone
    bool connecting_ = false;
    bool active_ = false;
};

}  // namespace parley::server
