#include <charconv>
#include <ctime>

#include "apps/parleyd/look/probe.hpp"
#include "base/printable.hpp"
#include "base/text.hpp"
#include "net/identity.hpp"
#include "net/tls_context.hpp"
#include "sip/framer.hpp"
#include "sip/header/diagnostics.hpp"
#include "sip/response.hpp"

namespace parley::look {
namespace {

using admin::Message;
using gateway::Answered;

constexpr Millis tls_time{3'000}, answer_time{3'000}, notify_time{2'000};
constexpr std::string_view nobody = "parley-test";  // who asks, and for whom; nobody is called so

enum class Meaning { accepted, refused, lost };
// What an answer to the question says of a message that would follow. A server need not know OPTIONS, nor the domain
// itself as an address, to take messages for its users. To a look-up, the servers of the users answer: that there is
// nobody of that name, or nobody there.
Meaning meaning_of(int status, bool look_up) {
    if (status < 300 || (look_up && status == 480)) return Meaning::accepted;
    switch (status) {
        case 404:
        case 405:
        case 406:
        case 415:
        case 416:
        case 420:
        case 481:
        case 484:
        case 485:
        case 486:
        case 488:
        case 489:
        case 501:
        case 604: return Meaning::accepted;
        case 408:
        case 480:
        case 483:
        case 482:
        case 500:
        case 502:
        case 503:
        case 504: return Meaning::lost;
        default: return Meaning::refused;
    }
}

// "1027;reason=..." of ms-diagnostics-public, or of ms-diagnostics: 0 when there is none.
int diagnostics_code(const sip::Message& response) {
    for (const auto* name : {"ms-diagnostics-public", "ms-diagnostics"}) {
        const auto value = response.header(name);
        int code = 0;
        if (std::from_chars(value.data(), value.data() + value.size(), code).ec == std::errc{}) return code;
    }
    return 0;
}

// The edge of OCS 2007 R2 says so of a person whom it knows from public services, until it has seen us ask once.
bool said_filtered(const sip::Message& response) {
    return sip::diagnostics_of(response).find("GET_RICH_PRESENCE_FILTERED") != std::string::npos;
}

Message meaning_of_code(int code) {
    switch (code) {
        case 13004: return {"diag.13004", {}};
        case 25008: return {"diag.25008", {}};
        case 1008: return {"diag.1008", {}};
        case 1009: return {"diag.1009", {}};
        case 1010: return {"diag.1010", {}};
        case 1027: return {"diag.1027", {}};
        case 1034: return {"diag.1034", {}};
        case 4141: return {"diag.4141", {}};
        case 1003: return {"diag.1003", {}};
        case 2165: return {"diag.2165", {}};
        default: break;
    }
    // By its range, as the vendor has them.
    const std::vector<std::string> args{std::to_string(code)};
    if (code > 0 && code < 1000) return {"diag.common", args};
    if (code >= 1000 && code < 2000) return {"diag.sip-stack", args};
    if (code >= 2000 && code < 3000) return {"diag.presence", args};
    if (code >= 3000 && code < 4000) return {"diag.focus", args};
    if (code >= 4000 && code < 5000) return {"diag.user-services", args};
    if (code >= 5000 && code < 6000) return {"diag.applications", args};
    if (code >= 6000 && code < 7000) return {"diag.im-mcu", args};
    if (code >= 16000 && code < 17000) return {"diag.im-filter", args};
    if (code >= 17000 && code < 18000) return {"diag.client-version", args};
    if (code >= 90000 && code < 91000) return {"diag.public-im", args};
    return {"diag.other", args};
}

// RFC 3261 20.17, which is RFC 1123's form: how far its clock is from ours, in seconds. Nothing when it does not say.
std::optional<std::int64_t> clock_difference(const sip::Message& response, TimePoint now) {
    const std::string value(response.header("Date"));
    std::tm parts{};
    const char* end = ::strptime(value.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    if (end == nullptr || *end != '\0') return std::nullopt;
    const TimePoint theirs{Seconds{::timegm(&parts)}};
    return std::chrono::abs(std::chrono::floor<Seconds>(theirs - now)).count();
}
// RFC 3261 20.33: seconds, behind which a comment and parameters may stand.
std::optional<std::uint32_t> retry_after(const sip::Message& response) {
    const auto value = trim(response.header("Retry-After"));
    std::uint32_t seconds = 0;
    if (std::from_chars(value.data(), value.data() + value.size(), seconds).ec != std::errc{}) return std::nullopt;
    return seconds;
}

constexpr std::int64_t clocks_differ = 120;  // seconds

class SipProbe final : public Probe, net::Connection::Handler {
public:
    SipProbe(const Parts& parts, Question question, const gateway::SipTarget& target, Function<void()> finished)
        : Probe(parts, std::move(question), target.host + ' ' + target.endpoint.to_string(), std::move(finished)),
          target_(target) {
        connect(target_.endpoint);
    }
    ~SipProbe() override {
        if (!call_id_.empty()) parts_.forget_notification(call_id_);
    }

private:
    std::string our_host() const {
        return parts_.config->sip_host.empty() ? "sip." + net::to_ascii_domain(question_.from)
                                               : parts_.config->sip_host;
    }

    void connected(std::unique_ptr<net::Connection> connection) override {
        connection_ = std::move(connection);
        if (!target_.tls) {
            say("tls", Verdict::note, {"test.tls-off", {}});
            connection_->set_handler(this);
            return ask();
        }
        const auto sip = parts_.sip();
        const bool legacy = question_.rule.legacy_tls(parts_.executor.clock().wall());
        const auto& contexts = legacy ? sip->legacy_domains : sip->domains;
        const auto own = contexts.find(question_.from);
        if (own == contexts.end() || !own->second) {
            say("tls", Verdict::problem, {"test.tls-no-certificate", {question_.from}});
            return finish();
        }
        within(tls_time, "tls", {"test.tls-silent", {}}, Message{"fix.their-port", {}});
        own_ = own->second;
        connection_->start_tls(own->second, net::Connection::TlsRole::client, target_.host);
        connection_->set_handler(this);
    }

    void on_secured() override {
        deadline_.cancel();
        const auto& tls = *connection_->tls();
        say("tls", Verdict::good, {"test.tls-done", {tls.protocol, tls.cipher}});
        const auto now = parts_.executor.clock().wall();
        const auto answered = gateway::who_answered(&tls, target_, question_.rule);
        const auto wanted = gateway::name_expected(target_, question_.rule);
        if (answered == Answered::right) {
            say("identity", Verdict::good, {"test.identity-good", {net::describe_names(*tls.peer)}});
            say("identity", Verdict::good, certificate_details(*tls.peer));
            if (const auto days = expires_soon(*tls.peer, now))
                say("identity", Verdict::warning, {"test.identity-expires", {std::to_string(*days)}},
                    Message{"fix.their-certificate", {}});
            return ask();
        }
        if (answered == Answered::no_certificate) {
            say("identity", Verdict::problem, {"test.identity-none", {}}, Message{"fix.their-certificate", {}});
        } else if (answered == Answered::untrusted) {
            auto [what, fix] = trust_fault(*tls.peer, now);
            say("identity", Verdict::problem, std::move(what), std::move(fix));
        } else {
            say("identity", Verdict::problem, {"test.identity-name", {net::describe_names(*tls.peer), wanted}},
                Message{"fix.tls-name", {tls.peer->dns_names.empty() ? wanted : tls.peer->dns_names.front()}});
        }
        finish();
    }

    void ask() {
        result_.reached = true;
        within(answer_time, "probe", {"test.probe-silent", {}},
               Message{"fix.their-list", {question_.from, our_host()}});
        const auto domain = net::to_ascii_domain(question_.domain);
        const auto from = net::to_ascii_domain(question_.from);
        const auto transport = std::string(target_.tls ? "tls" : "tcp");
        const auto& ports = target_.tls ? parts_.config->listen.sip_tls : parts_.config->listen.sip;
        const auto here = our_host() + ':' + std::to_string(ports.empty() ? 5061 : ports.front().port);
        // An edge routes what people's clients send, and may know OPTIONS of a partner no route; a subscription that
        // ends at once (RFC 6665 4.4.3) takes the way that texts take.
        const std::string method = look_up_ ? "SUBSCRIBE" : "OPTIONS";
        const auto to = look_up_ ? "sip:" + std::string(nobody) + '@' + domain : "sip:" + domain;
        auto request = sip::Message::request(method, to);
        request.add(sip::HeaderId::via, "SIP/2.0/" + std::string(target_.tls ? "TLS " : "TCP ") + here +
                                            ";branch=z9hG4bK" + parts_.random.hex(8));
        request.add(sip::HeaderId::from, "<sip:" + (look_up_ ? std::string(nobody) + '@' : std::string{}) + from +
                                             ">;tag=" + parts_.random.hex(8));
        request.add(sip::HeaderId::to, '<' + to + '>');
        call_id_ = parts_.random.hex(16);
        request.add(sip::HeaderId::call_id, call_id_);
        request.add(sip::HeaderId::cseq, "1 " + method);
        request.add(sip::HeaderId::contact, "<sip:" + here + ";transport=" + transport + ">");
        request.add("Max-Forwards", "70");
        if (look_up_) {
            request.add("Event", "presence");
            request.add("Accept", "application/pidf+xml");
            request.add("Expires", "0");
            // It may come by this connection, or by one that the partner makes to what our Contact names.
            parts_.expect_notification(call_id_, [this, alive = std::weak_ptr(here_)](const std::string& where) {
                if (!alive.expired()) notified(where);
            });
        }
        connection_->send(request.serialise());
    }

    void on_bytes(std::string_view bytes) override {
        framer_.feed(bytes);
        for (;;) {
            const auto item = framer_.next();
            if (done() || item.kind == sip::Framer::Item::Kind::need_more) return;
            const auto parsed = item.kind == sip::Framer::Item::Kind::message
                                    ? sip::parse_message(item.bytes)
                                    : ::parley::Result<sip::Parsed>(Error{Errc::malformed, "not SIP"});
            if (!parsed) {
                say("probe", Verdict::problem, {"test.probe-closed", {parsed.error().detail}});
                return finish();
            }
            // The notification that a look-up brings is answered; its other requests are not our affair here.
            if (parsed->message.is_request()) {
                if (parsed->message.method() != sip::Method::notify) continue;
                connection_->send(sip::make_response(parsed->message, 200, "OK", {}).serialise());
                notified({});
                continue;
            }
            // What comes behind the answer may be the notification, and another answer is not ours.
            if (parsed->message.status() >= 200 && !accepted_) answered(parsed->message);
        }
    }

    void answered(const sip::Message& response) {
        const auto status = std::to_string(response.status());
        const std::string phrase = printable(response.reason_phrase());
        const auto off = clock_difference(response, parts_.executor.clock().wall());
        if (off && *off > clocks_differ)
            say("probe", Verdict::warning, {"test.clock-differs", {std::to_string(*off)}}, Message{"fix.clock", {}});
        switch (meaning_of(response.status(), look_up_)) {
            case Meaning::accepted:
                result_.passed = true;
                say("probe", Verdict::good, {"test.probe-answered", {status, phrase}});
                if (!look_up_ || response.status() >= 300) return finish();
                accepted_ = true;
                if (notified_) return say_notified();
                deadline_ = parts_.executor.after(notify_time, [this] {
                    say("probe", Verdict::warning, {"test.probe-no-notify", {}},
                        Message{"fix.our-srv", {question_.from}});
                    finish();
                });
                return;
            case Meaning::refused:
                say("probe", Verdict::problem, {"test.probe-refused", {status, phrase}},
                    Message{"fix.their-list", {question_.from, our_host()}});
                break;
            case Meaning::lost:
                if (const auto pause = retry_after(response); response.status() == 503 && pause) {
                    say("probe", Verdict::problem, {"test.probe-busy", {status, phrase, std::to_string(*pause)}},
                        Message{"fix.wait", {}});
                    break;
                }
                say("probe", Verdict::problem, {"test.probe-lost", {status, phrase}},
                    Message{"fix.our-srv", {question_.from}});
                break;
        }
        if (const auto said = sip::diagnostics_of(response); !said.empty())
            say("probe", Verdict::note, {"test.diagnostics", {said}});
        if (const int code = diagnostics_code(response); code != 0) say("probe", Verdict::note, meaning_of_code(code));
        if (said_filtered(response)) say("probe", Verdict::note, {"diag.presence-filtered", {}});
        finish();
    }

    // Perhaps before the answer to the look-up itself.
    void notified(const std::string& from) {
        notified_ = true;
        if (!from.empty()) notified_from_ = from;
        if (accepted_ && !done()) say_notified();
    }
    void say_notified() {
        say("probe", Verdict::good, {"test.probe-notified", {}});
        if (!notified_from_.empty()) say("in", Verdict::good, {"test.in-notified", {notified_from_}});
        finish();
    }

    void on_closed(const Error& why) override {
        if (done()) return;
        if (accepted_) return;  // what it wants to notify may come by another connection
        auto [what, fix] = tls_fault(why.detail, our_host());
        const bool about_tls = why.detail.starts_with("TLS:");
        const bool unexplained = why.detail.find("closed the connection") != std::string::npos ||
                                 why.detail.find("reset") != std::string::npos;
        if (own_ && !own_->for_clients() && (unexplained || about_tls))
            say("tls", Verdict::problem, {"test.ours-usage", {why.detail}},
                Message{"fix.our-certificate", {our_host()}});
        else if (!result_.reached && unexplained && gateway::profile_or_simple(question_.rule.profile).legacy_tls)
            say("tls", Verdict::problem, {"test.tls-ended", {}}, Message{"fix.legacy-tls", {}});
        else if (!result_.reached || about_tls)  // with TLS 1.3 it judges our certificate after the handshake
            say("tls", Verdict::problem, std::move(what), std::move(fix));
        else
            say("probe", Verdict::problem, {"test.probe-closed", {why.detail}},
                Message{"fix.their-list", {question_.from, our_host()}});
        finish();
    }

    const gateway::SipTarget target_;
    const bool look_up_ = gateway::profile_or_simple(question_.rule.profile).look_up_probe;
    std::string call_id_, notified_from_;
    bool accepted_ = false, notified_ = false;
    std::shared_ptr<int> here_ = std::make_shared<int>(0);
    sip::Framer framer_;
    std::unique_ptr<net::Connection> connection_;
    std::shared_ptr<net::TlsContext> own_;
};

}  // namespace

std::unique_ptr<Probe> probe_sip(const Parts& parts, Probe::Question question, const gateway::SipTarget& target,
                                 Function<void()> finished) {
    return std::make_unique<SipProbe>(parts, std::move(question), target, std::move(finished));
}

}  // namespace parley::look
