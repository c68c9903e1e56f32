#include "server/s2s/link.hpp"

#include <algorithm>

#include "base/hash.hpp"
#include "base/text.hpp"
#include "server/s2s/both_ways.hpp"
#include "server/s2s/in_stream.hpp"
#include "server/s2s/link_history.hpp"
#include "server/s2s/overview.hpp"
#include "server/s2s/xmpp_federation.hpp"
#include "server/shard.hpp"
#include "server/trace_points.hpp"
#include "xmpp/ns.hpp"

// The queue, its deadlines, and the attempts to connect.

namespace parley::server {
namespace {

constexpr Millis one_attempt{10'000};    // to connect and to negotiate with one target
constexpr Millis idle_close{600'000};    // a stream that carries nothing ends; the next stanza opens another
constexpr Millis longest_wait{600'000};  // what no stream has proven for so long comes back
constexpr Millis shortest_pause{500};    // after an attempt that failed; doubled each time
constexpr Millis longest_pause{8'000};
constexpr std::size_t most_questions = 64;

xmpp::StanzaError to_stanza_error(const Error& error) {
    switch (error.code) {
        case Errc::not_found: return xmpp::stanza_error("remote-server-not-found", error.detail);
        case Errc::forbidden: return xmpp::stanza_error("not-allowed", error.detail);
        case Errc::too_long: return xmpp::stanza_error("resource-constraint", error.detail);
        default: return xmpp::stanza_error("remote-server-timeout", error.detail);
    }
}

}  // namespace

Link::Link(XmppFederation& federation, Shard& shard, ConnectTurns& turns, std::string local, std::string remote)
    : federation_(federation),
      shard_(shard),
      local_(std::move(local)),
      remote_(std::move(remote)),
      store_(hex_encode(hmac_sha256(shard.node().secret, "message names").substr(0, 4))),
      run_(shard.random().hex(6)),
      turns_(turns) {}

Link::~Link() {
    if (borrowed_) borrowed_->carry_for(nullptr);
    if (intake_) intake_->detach();
}

void Link::send(im::Envelope envelope, im::Settled settled) {
    Waiting waiting{std::move(envelope), std::move(settled), shard_.clock().now(), 0};
    if (const auto why = federation_.refused_releases().why(remote_, shard_.clock().now()); !why.empty())
        return waiting.settled(xmpp::stanza_error("not-allowed", why));
    for (const auto& child : waiting.envelope.stanza->children) waiting.bytes += 64 + child.text().size();
    active_ = true;
    keep_to_the_rule();
    if (queue_.empty() && can_write()) return write(std::move(waiting));
    const auto& limits = shard_.settings().limits;
    if (queue_.size() >= limits.s2s_queue_stanzas || queued_bytes_ + waiting.bytes > limits.s2s_queue_bytes)
        return waiting.settled(xmpp::stanza_error("resource-constraint", "too much is waiting for " + remote_));
    if (trace::on(shard_)) trace::step(shard_, waiting.envelope, "waits-for-link", {{"domain", remote_}});
    queued_bytes_ += waiting.bytes;
    queue_.push_back(std::move(waiting));
    check_deadlines();
    if (!carrier_ && wanted()) go_on_without_it();
}

void Link::verify(std::string stream_id, std::string key, Function<void(Verdict)> answer) {
    if (questions_.size() >= most_questions) return answer(Verdict::unknown);
    questions_.push_back({std::move(stream_id), std::move(key), std::move(answer), shard_.clock().now()});
    check_deadlines();
    if (stream_ && stream_->askable()) return ask();
    connect();
}

// A stream that was made by another rule ends; what it has not proven goes by the next one.
void Link::keep_to_the_rule() {
    if (borrowed_) borrowed_->recheck();
    const auto version = shard_.node().settings.version();
    if (!opened() || version == rule_version_) return;
    rule_version_ = version;
    if (const auto why = federation_.why_refused(shard_, remote_); !why.empty())
        return refuse("policy-violation", why, {}, {});
    if (rule_ != shard_.settings().policy.settings(remote_)) end_stream("reset", {});
}

bool Link::still_proves(const std::string& remote, Intake::Proof& proof) const {
    const auto version = shard_.node().settings.version();
    if (proof.judged_by == version) return true;
    if (rule_ != shard_.settings().policy.settings(remote)) return false;
    proof.judged_by = version;
    return true;
}

// By our decision, and not to be resumed.
void Link::end_stream(std::string_view condition, std::string_view text) {
    resume_id_.clear();
    if (stream_) stream_->close(condition, text);
}

bool Link::wanted() const {
    if (shutting_down_) return false;
    if (!questions_.empty()) return true;
    if (!queue_.empty()) return !carrier_ && !return_timer_.pending();
    return may_resume() && intake_;  // the partner may have something for us on the stream that broke
}

bool Link::idle() const {
    return !stream_ && !search_ && !carrier_ && queue_.empty() && unproven_.empty() && questions_.empty() &&
           !return_timer_.pending() && spare_.expired() && !may_resume();
}

void Link::describe(im::PartnerOverview& out) const {
    out.queued += queue_.size() + unproven_.size();
    if (opened()) {
        auto connection = describe_connection(stream_->remote(), stream_->tls(), since_);
        connection.by_us = true;
        if (stream_->tls()) connection.proof = word_for(stream_->certificate().by);
        connection.both_ways = stream_->both_ways();
        connection.local = local_;
        out.connections.push_back(std::move(connection));
    } else if (!carrier_ && !last_error_.empty()) {
        out.failures.push_back({local_, last_error_, since_});
    }
}

// --- connecting

void Link::connect() {
    if (stream_ || search_ || connecting_ || turn_ || retry_timer_.pending()) return;
    auto granted = [this, alive = std::weak_ptr(alive_)] {
        if (!alive.expired()) search();
    };
    turn_ = turns_.ask(shard_.executor(), shard_.settings().limits.s2s_domains_connecting, std::move(granted));
    if (turn_) return;
    shard_.counters.limit_hits.fetch_add(1, std::memory_order_relaxed);
    if (carrier_) {  // it was for questions; what waits goes by that
        for (auto& question : std::exchange(questions_, {})) question.answer(Verdict::unknown);
        return;
    }
    fault_ = im::PartnerEvent::Fault::none;
    give_up({Errc::too_long, "too many domains are being connected to at the moment"});
}

void Link::search() {
    if (!turn_ || stream_ || search_ || connecting_) return;
    if (!wanted()) return turn_.reset();  // nobody has waited so long
    const auto rule = shard_.settings().policy.settings(remote_);
    search_ = TargetSearch::start(shard_.node().network, shard_.executor(), shard_.random(), remote_, rule,
                                  [this](Result<std::deque<Target>> found) {
                                      search_.reset();
                                      fault_ = im::PartnerEvent::Fault::dns;
                                      if (!found) return attempt_failed(found.error());
                                      targets_.assign(std::make_move_iterator(found->begin()),
                                                      std::make_move_iterator(found->end()));
                                      try_next_target();
                                  });
}

void Link::try_next_target() {
    if (!wanted()) targets_.clear();  // nobody has waited so long
    if (targets_.empty())
        return attempt_failed({Errc::timed_out, last_error_.empty() ? "no way to " + remote_ : last_error_});
    const auto target = targets_.front();
    targets_.pop_front();
    connecting_ = true;
    shard_.node().network.connect(
        shard_.executor(), target.endpoint, one_attempt,
        [this, alive = std::weak_ptr(alive_), target](Result<std::unique_ptr<net::Connection>> connection) {
            if (alive.expired()) return;
            connecting_ = false;
            if (connection) return connected_to(target, *std::move(connection));
            last_error_ = target.host + " (" + target.endpoint.to_string() + "): " + connection.error().detail;
            fault_ = im::fault_of(connection.error());
            try_next_target();
        });
}

void Link::connected_to(const Target& target, std::unique_ptr<net::Connection> connection) {
    const auto& settings = shard_.settings();
    OutStream::Setup setup;
    setup.local = local_;
    setup.remote = remote_;
    rule_version_ = shard_.node().settings.version();
    rule_ = setup.rule = settings.policy.settings(remote_);
    setup.secret = shard_.node().secret;
    if (target.second_try && target.direct_tls == target_.direct_tls) setup.rule.external_out = false;
    target_ = target;
    timed_out_ = false;
    setup.direct_tls = target.direct_tls;
    setup.secure = target.secure;
    if (settings.posh_tls) setup.posh = shard_.node().posh;
    setup.outbound_soft = settings.limits.outbound_soft;
    setup.verify_only = carrier_ || (queue_.empty() && !may_resume());
    setup.both_ways = both_ways_by(setup.rule);
    setup.tls = settings.s2s_context(local_);
    stream_ = std::make_unique<OutStream>(std::move(setup), std::move(connection), *this);
    attempt_timer_ = shard_.executor().after(one_attempt, [this, host = target.host] {
        if (stream_ && !stream_->ready()) {
            last_error_ = host + " did not finish the negotiation in time";
            timed_out_ = true;
            stream_->close("connection-timeout");
        }
    });
    stream_->start();
}

void Link::on_ready() {
    attempt_over();
    since_ = shard_.clock().wall();
    note(im::PartnerEvent::What::connected, std::string(stream_->proof()));
    start_management();
    if (carrier_) return;  // one of the partner's has come first; this one is there when that ends
    use(stream_.get());
    keep_to_the_rule();
    if (!resuming_) ask_release();
    flush();
}

void Link::on_ended(const Error& error) {
    attempt_timer_.cancel();
    const bool was_ready = opened();
    const bool was_carrier = carrier_ == stream_.get();
    const auto other = was_ready || !stream_
                           ? std::nullopt
                           : stream_->another_way(target_, shard_.settings().policy.settings(remote_), timed_out_);
    fault_ = fault_of(*stream_, timed_out_);
    if (was_ready) note(im::PartnerEvent::What::lost, error.detail);
    if (was_ready && stream_->orderly()) resume_id_.clear();
    if (intake_ && resume_id_.empty()) std::exchange(intake_, nullptr)->detach();
    if (intake_) intake_->detach();
    shard_.executor().post([gone = std::shared_ptr<OutStream>(std::move(stream_))] {});
    if (!error.detail.empty()) {
        last_error_ = error.detail;
        since_ = shard_.clock().wall();
    }
    for (auto& question : questions_) question.sent = false;
    resuming_ = false;
    if (was_ready && !resume_id_.empty() && resume_until_ == SteadyTime{})
        resume_until_ = shard_.clock().now() + shard_.settings().limits.s2s_resume;
    if (was_carrier) carrier_gone(!resume_id_.empty());
    if (!wanted()) return attempt_over();
    check_deadlines();
    // At once, but not again and again to one that ends each stream as soon as something is sent.
    if (was_ready && failed_attempts_ > 0) return try_again_later();
    if (was_ready) {
        ++failed_attempts_;
        return connect();
    }
    if (other) targets_.push_front(*other);
    // RFC 6120 3.2.1: the next target, when one fails before the stream is ready.
    if (!targets_.empty()) return try_next_target();
    attempt_failed({error.code == Errc::forbidden ? Errc::not_found : error.code, last_error_});
}

void Link::on_element(xml::Element element) {
    active_ = true;
    if (carrier_ == stream_.get()) unheard_ = false;
    const bool stanza = element.ns() == xmpp::ns::server;
    if (!stanza && stream_->ending()) return;  // no answer can be given
    if (element.ns() == xmpp::ns::sm) return on_management(element);
    if (element.ns() == xmpp::ns::dialback) return on_dialback(element);
    if (!stanza || !opened()) return;
    if (intake_) return intake_->on_stanza(std::move(element));
    // Stanzas come on the streams that the peer opens; some answer our ping here all the same.
    ++arrived_;
    if (element.name() != "iq") return;
    if (const auto answer = xmpp::Stanza::decode(std::move(element)); answer && !answer->is_request())
        on_answer(*answer);
}

// A partner that cannot be reached may be restarting: what waits has its own deadline. One that does not exist, or that
// refuses us, will do so again.
void Link::attempt_failed(const Error& error) {
    const bool may_pass = error.code == Errc::timed_out || error.code == Errc::closed;
    last_error_ = error.detail;
    if (!carrier_ && (!may_pass || queue_.empty()) && !(may_pass && may_resume())) return give_up(error);
    if (!carrier_) shard_.refusal_log.unreachable(local_, remote_, last_error_);
    note(im::PartnerEvent::What::failed, last_error_);
    turn_.reset();
    targets_.clear();
    for (auto& question : std::exchange(questions_, {})) question.answer(Verdict::unknown);
    if (!carrier_) try_again_later();
}

void Link::attempt_over() {
    attempt_timer_.cancel();
    turn_.reset();
    targets_.clear();
    if (connected() || opened()) last_error_.clear();
}

void Link::try_again_later() {
    const auto pause = std::min(longest_pause, shortest_pause * (1 << std::min(failed_attempts_++, 8)));
    retry_timer_ = shard_.executor().after(pause, [this] {
        retry_timer_.cancel();
        if (wanted()) go_on_without_it();
    });
}

void Link::retry() {
    retry_timer_.cancel();
    failed_attempts_ = 0;
    if (wanted()) go_on_without_it();
}

void Link::shut_down() {
    shutting_down_ = true;
    end_stream("system-shutdown", {});
}

// Everything that waits gets the reason. The next stanza tries again: no verdict outlives its cause.
void Link::give_up(const Error& error) {
    last_error_ = error.detail;
    shard_.refusal_log.unreachable(local_, remote_, last_error_);
    note(im::PartnerEvent::What::failed, last_error_);
    turn_.reset();
    retry_timer_.cancel();
    since_ = shard_.clock().wall();
    targets_.clear();
    forget_resumption();
    auto queue = std::exchange(queue_, {});
    auto questions = std::exchange(questions_, {});
    queued_bytes_ = 0;
    deadline_timer_.cancel();
    for (auto& question : questions) question.answer(Verdict::unknown);
    for (auto& waiting : queue)
        if (waiting.settled) waiting.settled(to_stanza_error(error));
}

// The time to reach a partner does not run while there is a stream: it is slow then, or about to be found gone.
bool Link::too_late(const Waiting& waiting) const {
    const auto now = shard_.clock().now();
    if (now - waiting.since >= longest_wait) return true;
    return !connected() && now - std::max(waiting.since, down_since_) >= shard_.settings().limits.s2s_connect;
}

void Link::check_deadlines() {
    while (!queue_.empty() && !resuming_ && too_late(queue_.front())) {
        if (queue_.front().number != 0) {  // what broke cannot be whole without this one
            forget_resumption();
            continue;
        }
        auto late = std::move(queue_.front());
        queue_.pop_front();
        queued_bytes_ -= late.bytes;
        if (late.settled)
            late.settled(xmpp::stanza_error("remote-server-timeout",
                                            last_error_.empty() ? remote_ + " does not answer" : last_error_));
    }
    const auto longest = shard_.clock().now() - shard_.settings().limits.s2s_connect;
    while (!questions_.empty() && questions_.front().since <= longest) {
        auto late = std::move(questions_.front());
        questions_.erase(questions_.begin());
        late.answer(Verdict::unknown);
    }
    if (queue_.empty() && questions_.empty()) return deadline_timer_.cancel();
    if (deadline_timer_.pending()) return;
    deadline_timer_ = shard_.executor().after(Millis{1000}, [this] {
        deadline_timer_.cancel();
        check_deadlines();
    });
}

void Link::sweep() {
    if (stream_) stream_->sweep();
    if (stream_ && stream_->both_ways()) keep_to_the_rule();
    // Half-open: what is no message is never proven, so a peer that was sent something and says nothing is asked.
    const auto patience = shard_.settings().limits.s2s_answer;
    if (unheard_ && !asked_ && connected() && shard_.clock().now() - unheard_since_ >= patience) barrier();
    if (!std::exchange(active_, false)) return;
    for (auto* queue : {&queue_, &unproven_})
        if (queue->empty()) queue->shrink_to_fit();
    targets_.shrink_to_fit();
    idle_timer_ = shard_.executor().after(idle_close, [this] {
        if (!stream_ || !queue_.empty() || !unproven_.empty()) return;
        resume_id_.clear();
        if (carrier_ == stream_.get()) carrier_gone(false);
        stream_->wind_down();
    });
}

}  // namespace parley::server
