#include "server/s2s/link.hpp"

#include <algorithm>

#include "base/hash.hpp"
#include "base/text.hpp"
#include "im/xmpp_profile.hpp"
#include "server/s2s/overview.hpp"
#include "server/s2s/refused_releases.hpp"
#include "server/shard.hpp"
#include "xml/writer.hpp"
#include "xmpp/ns.hpp"
#include "xmpp/payload/software_version.hpp"

namespace parley::server {
namespace {

constexpr Millis one_attempt{10'000};      // to connect and to negotiate with one target
constexpr Millis idle_close{600'000};      // a stream that carries nothing ends; the next stanza opens another
constexpr Millis ping_patience{30'000};    // a peer that does not answer a ping is gone
constexpr Millis release_patience{5'000};  // one that does not say which release it is may be any
constexpr Millis shortest_pause{500};      // after an attempt that failed; doubled each time
constexpr Millis longest_pause{8'000};
constexpr std::size_t most_questions = 64;
constexpr std::size_t most_unproven = 10'000;  // written, and no answer to the ping behind them
constexpr std::size_t most_unproven_bytes = std::size_t{4} * 1024 * 1024;

xmpp::StanzaError to_stanza_error(const Error& error) {
    switch (error.code) {
        case Errc::not_found: return xmpp::stanza_error("remote-server-not-found", error.detail);
        case Errc::forbidden: return xmpp::stanza_error("not-allowed", error.detail);
        case Errc::too_long: return xmpp::stanza_error("resource-constraint", error.detail);
        default: return xmpp::stanza_error("remote-server-timeout", error.detail);
    }
}

constexpr Millis barrier_delay{50};
constexpr std::size_t barrier_at_once = 64;

bool wants_proof(const im::Envelope& envelope) {
    return envelope.stanza->kind == xmpp::Stanza::Kind::message;
}

}  // namespace

Link::Link(Shard& shard, ConnectTurns& turns, RefusedReleases& refused, std::string local, std::string remote)
    : shard_(shard),
      local_(std::move(local)),
      remote_(std::move(remote)),
      store_(hex_encode(hmac_sha256(shard.node().secret, "message names").substr(0, 4))),
      turns_(turns),
      refused_(refused) {}

Link::~Link() = default;

void Link::send(im::Envelope envelope, im::Settled settled) {
    Waiting waiting{std::move(envelope), std::move(settled), shard_.clock().now(), 0};
    if (const auto why = refused_.why(remote_, shard_.clock().now()); !why.empty())
        return waiting.settled(xmpp::stanza_error("not-allowed", why));
    for (const auto& child : waiting.envelope.stanza->children) waiting.bytes += 64 + child.text().size();
    active_ = true;
    keep_to_the_rule();
    if (queue_.empty() && can_write()) return write(std::move(waiting));
    const auto& limits = shard_.settings().limits;
    if (queue_.size() >= limits.s2s_queue_stanzas || queued_bytes_ + waiting.bytes > limits.s2s_queue_bytes)
        return waiting.settled(xmpp::stanza_error("resource-constraint", "too much is waiting for " + remote_));
    queued_bytes_ += waiting.bytes;
    queue_.push_back(std::move(waiting));
    if (!deadline_timer_.pending()) check_deadlines();
    if (stream_) return stream_->want_stanzas();
    connect();
}

// A stream that was made by another rule ends; what it has not proven goes by the next one.
void Link::keep_to_the_rule() {
    const auto version = shard_.node().settings.version();
    if (!connected() || version == rule_version_) return;
    rule_version_ = version;
    if (rule_ != shard_.settings().policy.settings(remote_)) stream_->close("reset", "the settings have changed");
}

void Link::verify(std::string stream_id, std::string key, Function<void(Verdict)> answer) {
    if (questions_.size() >= most_questions) return answer(Verdict::unknown);
    questions_.push_back({std::move(stream_id), std::move(key), std::move(answer)});
    if (stream_ && stream_->askable()) return ask();
    connect();
}

void Link::describe(im::PartnerOverview& out) const {
    out.queued += queue_.size() + unproven_.size();
    if (connected()) {
        auto connection = describe_connection(stream_->remote(), stream_->tls(), since_);
        connection.by_us = true;
        connection.local = local_;
        out.connections.push_back(std::move(connection));
    } else if (!last_error_.empty()) {
        out.failures.push_back({local_, last_error_, since_});
    }
}

// --- connecting
// ------------------------------------------------------------------------------------------------------------

void Link::connect() {
    if (stream_ || search_ || connecting_ || turn_ || retry_timer_.pending()) return;
    auto granted = [this, alive = std::weak_ptr(alive_)] {
        if (!alive.expired()) search();
    };
    turn_ = turns_.ask(shard_.executor(), shard_.settings().limits.s2s_domains_connecting, std::move(granted));
    if (turn_) return;
    shard_.counters.limit_hits.fetch_add(1, std::memory_order_relaxed);
    give_up({Errc::too_long, "too many domains are being connected to at the moment"});
}

void Link::search() {
    if (!turn_ || stream_ || search_ || connecting_) return;
    if (queue_.empty() && questions_.empty()) return turn_.reset();  // nobody has waited so long
    const auto rule = shard_.settings().policy.settings(remote_);
    search_ = TargetSearch::start(shard_.node().network, shard_.executor(), shard_.random(), remote_, rule,
                                  [this](Result<std::deque<Target>> found) {
                                      search_.reset();
                                      if (!found) return attempt_failed(found.error());
                                      targets_ = *std::move(found);
                                      try_next_target();
                                  });
}

void Link::try_next_target() {
    if (queue_.empty() && questions_.empty()) targets_.clear();  // nobody has waited so long
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
    setup.outbound_soft = settings.limits.outbound_soft;
    setup.verify_only = queue_.empty() && unproven_.empty();
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
    attempt_timer_.cancel();
    turn_.reset();
    targets_.clear();
    last_error_.clear();
    failed_attempts_ = 0;
    since_ = shard_.clock().wall();
    managed_ = stream_->offers_management();
    sent_ = acknowledged_ = arrived_ = 0;
    if (managed_) stream_->send("<enable xmlns='urn:xmpp:sm:3'/>");
    keep_to_the_rule();
    ask_release();
    flush();
}

void Link::on_ended(const Error& error) {
    attempt_timer_.cancel();
    const bool was_ready = stream_ && stream_->ready();
    const auto other = was_ready || !stream_
                           ? std::nullopt
                           : stream_->another_way(target_, shard_.settings().policy.settings(remote_), timed_out_);
    shard_.executor().post([gone = std::shared_ptr<OutStream>(std::move(stream_))] {});
    if (!error.detail.empty()) {
        last_error_ = error.detail;
        since_ = shard_.clock().wall();
    }
    for (auto& question : questions_) question.sent = false;
    // What was written and not proven goes again, in its old order: the peer may see a message twice, with the same id.
    while (!unproven_.empty()) {
        queue_.push_front(std::move(unproven_.back()));
        unproven_.pop_back();
        queued_bytes_ += queue_.front().bytes;
    }
    unproven_bytes_ = 0;
    behind_ping_ = 0;
    asked_ = unheard_ = false;
    release_timer_.cancel();
    release_ = Release::unknown;
    if (queue_.empty() && questions_.empty()) return turn_.reset();
    if (was_ready) return connect();
    if (other) targets_.push_front(*other);
    // RFC 6120 3.2.1: the next target, when one fails before the stream is ready.
    if (!targets_.empty()) return try_next_target();
    attempt_failed({error.code == Errc::forbidden ? Errc::not_found : error.code, last_error_});
}

// A partner that cannot be reached may be restarting: what waits has its own deadline. One that does not exist, or that
// refuses us, will do so again.
void Link::attempt_failed(const Error& error) {
    const bool may_pass = error.code == Errc::timed_out || error.code == Errc::closed;
    if (!may_pass || queue_.empty()) return give_up(error);
    last_error_ = error.detail;
    shard_.refusals.unreachable(local_, remote_, last_error_);
    turn_.reset();
    targets_.clear();
    for (auto& question : std::exchange(questions_, {})) question.answer(Verdict::unknown);
    const auto pause = std::min(longest_pause, shortest_pause * (1 << std::min(failed_attempts_++, 8)));
    retry_timer_ = shard_.executor().after(pause, [this] {
        retry_timer_.cancel();
        if (!queue_.empty() || !questions_.empty()) connect();
    });
}

void Link::retry() {
    retry_timer_.cancel();
    failed_attempts_ = 0;
    if (!queue_.empty() || !questions_.empty()) connect();
}

// Everything that waits gets the reason. The next stanza tries again: no verdict outlives its cause.
void Link::give_up(const Error& error) {
    last_error_ = error.detail;
    shard_.refusals.unreachable(local_, remote_, last_error_);
    turn_.reset();
    retry_timer_.cancel();
    since_ = shard_.clock().wall();
    targets_.clear();
    auto queue = std::exchange(queue_, {});
    auto questions = std::exchange(questions_, {});
    queued_bytes_ = 0;
    deadline_timer_.cancel();
    for (auto& question : questions) question.answer(Verdict::unknown);
    for (auto& waiting : queue) waiting.settled(to_stanza_error(error));
}

void Link::check_deadlines() {
    const auto limit = shard_.settings().limits.s2s_connect;
    const auto now = shard_.clock().now();
    while (!queue_.empty() && now - queue_.front().since >= limit) {
        auto late = std::move(queue_.front());
        queue_.pop_front();
        queued_bytes_ -= late.bytes;
        late.settled(xmpp::stanza_error("remote-server-timeout",
                                        last_error_.empty() ? remote_ + " does not answer" : last_error_));
    }
    if (queue_.empty())
        deadline_timer_.cancel();
    else
        deadline_timer_ = shard_.executor().after(Millis{1000}, [this] { check_deadlines(); });
}

// --- sending
// -----------------------------------------------------------------------------------------------------------------

void Link::flush() {
    while (!queue_.empty() && can_write()) {
        auto waiting = std::move(queue_.front());
        queue_.pop_front();
        queued_bytes_ -= waiting.bytes;
        write(std::move(waiting));
    }
}

// A peer that does not read, or does not answer our pings, gets no more for now: the rest waits in the queue.
bool Link::can_write() const {
    return connected() && !stream_->closing() && release_ != Release::asked && !stream_->congested() &&
           unproven_.size() < most_unproven && unproven_bytes_ < most_unproven_bytes;
}

void Link::write(Waiting waiting) {
    std::string name;
    if (wants_proof(waiting.envelope) && stream_->takes_names()) {
        if (waiting.name.empty()) waiting.name = name_for(waiting.envelope);
        name = "<name xmlns='urn:parley:federation:0' id='" + waiting.name + "'/>";
    }
    auto& text = shard_.scratch();
    text.clear();
    xmpp::write(text, *waiting.envelope.stanza, xmpp::ns::server, &waiting.envelope.to, name);
    stream_->send(text);
    waiting.number = ++sent_;
    if (!std::exchange(unheard_, true)) unheard_since_ = shard_.clock().now();
    if (!wants_proof(waiting.envelope)) return waiting.settled(im::accepted);
    unproven_bytes_ += waiting.bytes;
    unproven_.push_back(std::move(waiting));
    want_barrier();
}

// What the outbox keeps has the same name after a restart, and no other message ever has it. The rest lives only as
// long as we do.
std::string Link::name_for(const im::Envelope& message) {
    if (message.outbox_id == 0) return shard_.random().hex(8);
    return store_ + '-' + std::to_string(message.outbox_id);
}

// One ping for what gathers in a short while: nobody waits for the proof, it only empties our outbox.
void Link::want_barrier() {
    if (asked_ || unproven_.empty()) return;
    if (unproven_.size() >= barrier_at_once) return barrier();
    if (!barrier_timer_.pending())
        barrier_timer_ = shard_.executor().after(barrier_delay, [this] {
            barrier_timer_ = {};
            barrier();
        });
}

// A written socket proves nothing: <r/> of XEP-0198 where the peer knows it; else a ping behind the messages, which is
// answered only once they have been read.
void Link::barrier() {
    if (asked_ || !connected()) return;
    asked_ = true;
    behind_ping_ = unproven_.size();
    if (managed_) {
        stream_->send("<r xmlns='urn:xmpp:sm:3'/>");
    } else {
        stream_->send(ask_for("proof-" + std::to_string(++ping_number_), xml::Element(xmpp::ns::ping, "ping")));
        ++sent_;
    }
    attempt_timer_ = shard_.executor().after(ping_patience, [this] {
        if (!stream_ || !asked_) return;
        last_error_ = remote_ + " has stopped answering";
        stream_->close("connection-timeout");
    });
}

std::string Link::ask_for(std::string_view id, const xml::Element& payload) const {
    xmpp::Stanza question;
    question.kind = xmpp::Stanza::Kind::iq;
    question.type = "get";
    question.id = id;
    question.from = *xmpp::Jid::make("", local_);
    question.to = *xmpp::Jid::make("", remote_);
    question.add(payload);
    std::string text;
    xmpp::write(text, question, xmpp::ns::server);
    return text;
}

void Link::on_answer(const xmpp::Stanza& answer) {
    if (!on_proof(answer.id) && release_ == Release::asked && answer.id == "release") on_release(answer);
}

bool Link::on_proof(std::string_view id) {
    if (!asked_ || managed_ || id != "proof-" + std::to_string(ping_number_)) return false;
    proven(behind_ping_);
    return true;
}

// The oldest so many have arrived.
void Link::proven(std::size_t count) {
    attempt_timer_.cancel();
    asked_ = unheard_ = false;
    behind_ping_ = 0;
    for (; count > 0; --count) {
        auto done = std::move(unproven_.front());
        unproven_.pop_front();
        unproven_bytes_ -= done.bytes;
        done.settled(im::accepted);
    }
    want_barrier();
    flush();
}

// XEP-0198 without resumption: what a broken stream has not confirmed goes again anyway.
bool Link::on_management(const xml::Element& element) {
    if (element.ns() != xmpp::ns::sm) return false;
    if (element.name() == "r") {
        stream_->send("<a xmlns='urn:xmpp:sm:3' h='" + std::to_string(arrived_) + "'/>");
    } else if (element.name() == "failed" && managed_) {
        managed_ = asked_ = false;
        want_barrier();
    } else if (element.name() == "a" && managed_) {
        const auto h = parse_number<std::uint32_t>(element.attribute("h"));
        if (!h || *h - acknowledged_ > sent_ - acknowledged_) {
            last_error_ = remote_ + " confirms what was never sent";
            stream_->close("undefined-condition", "h is more than was sent");
            return true;
        }
        acknowledged_ = *h;
        std::size_t count = 0;
        while (count < unproven_.size() && static_cast<std::int32_t>(*h - unproven_[count].number) >= 0) ++count;
        proven(count);
    }
    return true;
}

// --- which release it is
// -----------------------------------------------------------------------------------------------------------------

// Nothing is said to such a partner before it is known to be one that we talk to.
void Link::ask_release() {
    if (stream_->closing() || im::xmpp_profile_of(shard_.settings().policy, remote_).refused_release.empty()) return;
    release_ = Release::asked;
    ++sent_;
    stream_->send(ask_for("release", xml::Element(xmpp::ns::version, "query")));
    release_timer_ = shard_.executor().after(release_patience, [this] {
        if (std::exchange(release_, Release::good) == Release::asked) flush();
    });
}

void Link::on_release(const xmpp::Stanza& answer) {
    release_timer_.cancel();
    release_ = Release::good;
    const auto& kind = im::xmpp_profile_of(shard_.settings().policy, remote_);
    const auto software = xmpp::find<xmpp::SoftwareVersion>(answer);
    const bool refused = software && software->name.find(kind.refused_software) != std::string::npos &&
                         im::is_of_release(software->version, kind.refused_release);
    if (!refused) return flush();
    refused_.add(remote_,
                 remote_ + " runs " + software->name + " " + software->version + ", which is not supported here",
                 shard_.clock().now());
    stream_->close("policy-violation", "this release is not supported here");
    give_up({Errc::forbidden, refused_.why(remote_, shard_.clock().now())});
}

// --- dialback questions
// ---------------------------------------------------------------------------------------------------------

void Link::ask() {
    for (auto& question : questions_) {
        if (question.sent) continue;
        question.sent = true;
        std::string text = "<db:verify";
        xml::write_attribute(text, "from", local_);
        xml::write_attribute(text, "to", remote_);
        xml::write_attribute(text, "id", question.stream_id);
        text += '>';
        xml::escape(text, question.key);
        stream_->send(text + "</db:verify>");
    }
}

void Link::on_element(xml::Element element) {
    active_ = true;
    unheard_ = false;
    if (on_management(element)) return;
    if (element.is(xmpp::ns::dialback, "verify")) {
        for (auto question = questions_.begin(); question != questions_.end(); ++question) {
            if (question->stream_id != element.attribute("id")) continue;
            const auto type = element.attribute("type");
            auto answer = std::move(question->answer);
            questions_.erase(question);
            return answer(type == "valid" ? Verdict::valid : type == "invalid" ? Verdict::invalid : Verdict::unknown);
        }
        return;
    }
    // Stanzas come on the streams that the peer opens; the answer to our ping may come here too (XEP-0288 peers).
    ++arrived_;
    if (element.name() != "iq") return;
    if (const auto answer = xmpp::Stanza::decode(std::move(element)); answer && !answer->is_request())
        on_answer(*answer);
}

void Link::sweep() {
    if (!stream_) return;
    stream_->sweep();
    // Half-open: what is no message is never proven, so a peer that was sent something and says nothing is asked.
    if (unheard_ && !asked_ && connected() && shard_.clock().now() - unheard_since_ >= ping_patience) barrier();
    if (active_) {
        active_ = false;
        idle_timer_ = shard_.executor().after(idle_close, [this] {
            if (stream_ && queue_.empty() && unproven_.empty()) stream_->finish();
        });
    }
}

}  // namespace parley::server
