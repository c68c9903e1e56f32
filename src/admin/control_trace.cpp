#include "admin/audit_log.hpp"
#include "admin/control.hpp"

// `parleyctl trace`. Who follows other people's messages is in the audit log.
namespace parley::admin {
namespace {

// A user or a domain, whoever's; of a full address its user counts.
Result<xmpp::Jid> person_or_domain(const std::string& text) {
    auto jid = xmpp::Jid::parse(text);
    if (!jid) return jid.error();
    return jid->local().empty() ? jid->domain_jid() : jid->bare();
}

std::string key_of(const std::string& text) {
    const auto jid = person_or_domain(text);
    return jid ? jid->to_string() : text;
}

Response unknown(const std::string& key) {
    return Response::of(Outcome::refused,
                        key.empty() ? Message{"act.trace-none", {}} : Message{"act.trace-unknown", {key}});
}

}  // namespace

void Control::act(Trace request, Context context) {
    using Do = Trace::Do;
    auto* tracer = node_.tracer();
    if (tracer == nullptr) return context.done(Response::of(Outcome::refused, {"ctl.needs-daemon", {}}));
    tracer->expire(clock_.wall());
    switch (request.what) {
        case Do::start: context.verb = "trace.start"; return start_trace(request, *tracer, std::move(context));
        case Do::stop: context.verb = "trace.stop"; return stop_trace(request, *tracer, std::move(context));
        case Do::show: context.verb = "trace.show"; return show_trace(request, *tracer, std::move(context));
        case Do::list: break;
    }
    TraceReport report{tracer->list(), {}};
    const Message done{"act.traces", {std::to_string(report.traces.size())}};
    context.done(Response::of(Outcome::done, done, std::move(report)));
}

void Control::start_trace(const Trace& request, im::Tracer& tracer, Context context) {
    const auto who = person_or_domain(request.who);
    if (!who) return context.done(Response::of(Outcome::refused, {"act.bad-jid", {request.who, who.error().detail}}));
    const auto with = request.with.empty() ? Result<xmpp::Jid>(xmpp::Jid()) : person_or_domain(request.with);
    if (!with)
        return context.done(Response::of(Outcome::refused, {"act.bad-jid", {request.with, with.error().detail}}));
    if (request.minutes < 1 || request.minutes > im::longest_trace.count())
        return context.done(
            Response::of(Outcome::refused, {"act.trace-minutes", {std::to_string(im::longest_trace.count())}}));
    context.target = who->to_string();
    std::string detail = std::to_string(request.minutes) + " minutes";
    if (!with->empty()) detail += ", with " + with->to_string();
    if (request.bodies) detail += ", bodies recorded";
    if (!audited(context, detail)) return;
    const auto started =
        tracer.start(*who, *with, std::chrono::minutes(request.minutes), request.bodies, clock_.wall());
    if (!started) return failed(context, started.error(), {"act.trace-many", {std::to_string(im::most_traces)}});
    node_.trace_started();
    const Message done{"act.trace-started",
                       {std::to_string(started->id), started->who, std::to_string(request.minutes)}};
    context.done(Response::of(Outcome::done, done, TraceReport{{*started}, {}}));
}

void Control::stop_trace(const Trace& request, im::Tracer& tracer, Context context) {
    auto found = tracer.find(key_of(request.key));
    if (request.key.empty())  // the newest that runs, before one that has ended
        for (const auto& info : tracer.list())
            if (info.running) found = info;
    if (!found) return context.done(unknown(request.key));
    context.target = found->who;
    if (!audited(context, request.forget ? "forgotten" : "")) return;
    const auto stopped = tracer.stop(found->id, request.forget, clock_.wall());
    if (!stopped) return context.done(unknown(request.key));
    const Message done{request.forget ? MessageId("act.trace-forgotten") : MessageId("act.trace-stopped"),
                       {std::to_string(stopped->id), stopped->who, std::to_string(stopped->events)}};
    context.done(Response::of(Outcome::done, done, TraceReport{{*stopped}, {}}));
}

void Control::show_trace(const Trace& request, im::Tracer& tracer, Context context) {
    const auto found = tracer.find(key_of(request.key));
    if (!found) return context.done(unknown(request.key));
    context.target = found->who;
    if (request.bodies && !audited(context, "with bodies")) return;
    const Message done{"act.trace-shown", {std::to_string(found->id), found->who}};
    context.done(Response::of(Outcome::done, done, TraceReport{{*found}, tracer.events(found->id, request.bodies)}));
}

}  // namespace parley::admin
