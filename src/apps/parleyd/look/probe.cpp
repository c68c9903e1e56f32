#include "apps/parleyd/look/probe.hpp"

namespace parley::look {

using admin::Message;

void Probe::say(std::string step, Verdict verdict, Message what, std::optional<Message> fix) {
    const auto now = parts_.executor.clock().now();
    result_.report.add(std::move(step), subject_, verdict, std::move(what), std::move(fix), (now - since_).count());
    since_ = now;
}

void Probe::finish() {
    if (done_) return;
    done_ = true;
    deadline_.cancel();
    parts_.executor.post(std::move(finished_));
}

bool Probe::judge_tcp(const ::parley::Result<std::unique_ptr<net::Connection>>& connection) {
    if (connection) {
        say("tcp", Verdict::good, {"test.tcp-open", {}});
        return true;
    }
    const auto& detail = connection.error().detail;
    if (connection.error().code == Errc::timed_out)
        say("tcp", Verdict::problem, {"test.tcp-silent", {}}, Message{"fix.firewall", {}});
    else if (detail.find("refused") != std::string::npos)
        say("tcp", Verdict::problem, {"test.tcp-refused", {}}, Message{"fix.their-port", {}});
    else
        say("tcp", Verdict::problem, {"test.tcp-failed", {detail}}, Message{"fix.firewall", {}});
    return false;
}

void Probe::within(Millis time, std::string step, Message what, std::optional<Message> fix) {
    deadline_ = parts_.executor.after(
        time, [this, step = std::move(step), what = std::move(what), fix = std::move(fix)]() mutable {
            say(std::move(step), Verdict::problem, std::move(what), std::move(fix));
            finish();
        });
}

}  // namespace parley::look
