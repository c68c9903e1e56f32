#include "apps/parleyd/look/probe.hpp"

namespace parley::look {

namespace {

constexpr Millis connect_time{3'000};

}  // namespace

using admin::Message;

void Probe::say(std::string step, Verdict verdict, Message what, std::optional<Message> fix) {
    const auto now = parts_.executor.clock().now();
    result_.report.add(std::move(step), subject_, verdict, std::move(what), std::move(fix), (now - since_).count());
    since_ = now;
}

void Probe::finish() {
    if (done_) return;
    done_ = true;
    result_.took = parts_.executor.clock().now() - begun_;
    deadline_.cancel();
    parts_.executor.post(std::move(finished_));
}

void Probe::connect(const net::Endpoint& endpoint) {
    auto answer = [this, alive = std::weak_ptr(alive_)](::parley::Result<std::unique_ptr<net::Connection>> connection) {
        if (alive.expired()) return;
        if (!connection) {
            say_unreachable(connection.error());
            return finish();
        }
        result_.connected = true;
        say("tcp", Verdict::good, {"test.tcp-open", {}});
        connected(*std::move(connection));
    };
    parts_.network.connect(parts_.executor, endpoint, connect_time, std::move(answer));
}

void Probe::say_unreachable(const Error& error) {
    if (error.code == Errc::timed_out)
        say("tcp", Verdict::problem, {"test.tcp-silent", {}}, Message{"fix.firewall", {}});
    else if (error.detail.find("refused") != std::string::npos)
        say("tcp", Verdict::problem, {"test.tcp-refused", {}}, Message{"fix.their-port", {}});
    else
        say("tcp", Verdict::problem, {"test.tcp-failed", {error.detail}}, Message{"fix.firewall", {}});
}

void Probe::within(Millis time, std::string step, Message what, std::optional<Message> fix) {
    deadline_ = parts_.executor.after(
        time, [this, step = std::move(step), what = std::move(what), fix = std::move(fix)]() mutable {
            say(std::move(step), Verdict::problem, std::move(what), std::move(fix));
            finish();
        });
}

}  // namespace parley::look
