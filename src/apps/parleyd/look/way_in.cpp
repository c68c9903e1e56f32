#include "apps/parleyd/look/way_in.hpp"

#include <algorithm>

#include "server/s2s/out_stream.hpp"

namespace parley::look {
namespace {

using admin::Message;
using server::OutStream;

constexpr Millis patience{4'000};

class DialbackWayIn final : public WayIn, OutStream::Owner {
public:
    DialbackWayIn(const Parts& parts, const Probe::Question& question, const Probe& probe, Found found)
        : parts_(parts),
          question_(question),
          proven_(*probe.result().proven),
          found_(std::move(found)),
          begun_(parts.executor.clock().now()) {}

    void begin() {
        if (proven_.by_dialback) return accepted(proven_.stream_id);
        if (!proven_.dialback_offered)
            return finish(Verdict::note, {"test.in-untested", {"@test.dialback-not-offered"}}, {});
        deadline_ = parts_.executor.after(patience, [this] {
            finish(Verdict::warning, {"test.in-silent", {}}, Message{"fix.our-srv", {question_.from}});
        });
        parts_.network.connect(
            parts_.executor, proven_.target.endpoint, patience,
            [this, alive = std::weak_ptr(alive_)](::parley::Result<std::unique_ptr<net::Connection>> connection) {
                if (alive.expired()) return;
                if (!connection) return untested(connection.error().detail);
                connected(*std::move(connection));
            });
    }

private:
    void connected(std::unique_ptr<net::Connection> connection) {
        OutStream::Setup setup;
        setup.local = question_.from;
        setup.remote = question_.domain;
        setup.rule = question_.rule;
        setup.rule.external_out = false;
        setup.rule.dialback = true;  // only to hear what it thinks of our key: nothing else goes by this stream
        setup.secret = parts_.secret;
        setup.direct_tls = proven_.target.direct_tls;
        setup.tls = parts_.settings()->s2s_context(question_.from);
        OutStream::Owner& self = *this;
        stream_ = std::make_unique<OutStream>(std::move(setup), std::move(connection), self);
        stream_->start();
    }

    void on_askable() override {}
    void on_drained() override {}
    void on_element(xml::Element) override {}
    void on_ready() override {
        accepted(stream_->stream_id());
        stream_->finish();
    }
    void on_ended(const Error& error) override {
        const auto& reason = stream_->dialback().reason;
        if (reason.empty()) return untested(error.detail);
        const bool asked = !asked_here(parts_, question_.domain, stream_->stream_id()).empty();
        if (auto why = why_unreachable(reason, asked))
            return finish(Verdict::problem, *std::move(why), Message{"fix.our-srv", {question_.from}});
        untested(reason);
    }

    void accepted(const std::string& stream_id) {
        const auto from = asked_here(parts_, question_.domain, stream_id);
        if (!from.empty()) return finish(Verdict::good, {"test.in-proven", {from}}, {});
        finish(Verdict::note, {"test.in-untested", {"@test.in-no-question"}}, {});
    }
    void untested(const std::string& why) { finish(Verdict::note, {"test.in-untested", {why}}, {}); }

    void finish(Verdict verdict, Message what, std::optional<Message> fix) {
        if (!found_) return;
        deadline_.cancel();
        admin::Report report;
        report.add("in", question_.domain + " -> " + question_.from, verdict, std::move(what), std::move(fix),
                   (parts_.executor.clock().now() - begun_).count());
        parts_.executor.post([found = std::exchange(found_, nullptr), report = std::move(report)]() mutable {
            found(std::move(report));
        });
    }

    const Parts parts_;
    const Probe::Question question_;
    const Probe::Proven proven_;
    Found found_;
    const SteadyTime begun_;
    Timer deadline_;
    std::unique_ptr<OutStream> stream_;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace

std::string asked_here(const Parts& parts, const std::string& domain, const std::string& stream_id) {
    const auto questions = parts.inbound(domain).questions;
    const auto found = std::find_if(questions.begin(), questions.end(), [&](const auto& asked) {
        return asked.stream_id == stream_id.substr(0, server::InboundSeen::longest_id);
    });
    return found == questions.end() ? std::string{} : found->address;
}

std::optional<Message> why_unreachable(const std::string& reason, bool asked_here) {
    for (const auto* condition : {"remote-server-not-found", "remote-server-timeout", "remote-connection-failed"})
        if (reason.starts_with(condition)) return Message{"test.in-unreachable", {reason}};
    // It says that somebody has judged the key. We were not asked, so it was another server.
    if (reason == "invalid" && !asked_here) return Message{"test.in-elsewhere", {}};
    return std::nullopt;
}

std::unique_ptr<WayIn> WayIn::start(const Parts& parts, const Probe::Question& question, const Probe& probe,
                                    Found found) {
    auto way = std::make_unique<DialbackWayIn>(parts, question, probe, std::move(found));
    way->begin();
    return way;
}

void say_seen(const Parts& parts, const std::string& domain, bool sip, const im::PartnerOverview& overview, bool proven,
              admin::Report& report) {
    const auto add = [&](Verdict verdict, Message what, std::optional<Message> fix = {}) {
        report.add("in", domain, verdict, std::move(what), std::move(fix));
    };
    bool seen = proven;
    for (const auto& connection : overview.connections) {
        if (connection.by_us || !sip) continue;
        add(Verdict::good, {"test.in-open", {connection.place, time_text(connection.since)}});
        seen = true;
        break;
    }
    for (const auto& failure : overview.undelivered)
        report.add("message", domain, Verdict::warning, {"test.message-refused", {time_text(failure.at), failure.why}},
                   Message{"fix.their-answer-to-it", {}});
    const Message what_it_may_use{"fix.our-rule", {domain}};
    if (sip) {
        for (const auto& failure : overview.failures) {
            if (!failure.local.empty()) continue;
            add(Verdict::warning, {"test.in-refused", {time_text(failure.at), failure.why}}, what_it_may_use);
            seen = true;
        }
    } else {
        const auto known = parts.inbound(domain);
        if (known.proven)
            add(Verdict::good, {"test.in-seen",
                                {time_text(known.proven->at), known.proven->address, known.proven->proof,
                                 known.proven->tls.empty() ? "TCP" : known.proven->tls}});
        // One that has proven itself since then has got over it.
        if (known.refused && (!known.proven || known.proven->at < known.refused->at))
            add(Verdict::warning,
                {"test.in-refused",
                 {time_text(known.refused->at),
                  known.refused->address + ": " + known.refused->condition + ", " + known.refused->why}},
                what_it_may_use);
        seen = seen || known.proven || known.refused;
    }
    if (!seen) add(Verdict::note, {"test.in-never", {}});
}

}  // namespace parley::look
