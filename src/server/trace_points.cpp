#include "server/trace_points.hpp"

#include "xmpp/ns.hpp"
#include "xmpp/payload/receipt.hpp"

namespace parley::server::trace {
namespace {

using xmpp::Stanza;

constexpr std::size_t most_children = 8;

// Who asks and who is asked: subscriptions and probes go from the watcher, all else to it.
std::string presence_key(const Stanza& stanza, const xmpp::Jid& to) {
    const bool asks = stanza.type == "subscribe" || stanza.type == "unsubscribe" || stanza.type == "probe";
    return asks ? im::watch_key(stanza.from, to) : im::watch_key(to, stanza.from);
}

// A message is known by its origin within this node, and by what its sender calls it in errors and receipts about it.
std::vector<std::string> keys_of(const Stanza& stanza, const xmpp::Jid& to, std::string_view origin) {
    std::vector<std::string> keys;
    if (!origin.empty()) keys.push_back(im::message_key(origin));
    if (stanza.kind == Stanza::Kind::presence) {
        if (!to.empty()) keys.push_back(presence_key(stanza, to));
        return keys;
    }
    const bool answers = stanza.is_error() || stanza.type == "result";
    if (!stanza.id.empty() && !to.empty())
        keys.push_back(answers ? im::id_key(to, stanza.from, stanza.id) : im::id_key(stanza.from, to, stanza.id));
    if (const auto* receipt = stanza.child(xmpp::ns::receipts, "received"))
        keys.push_back(im::id_key(to, stanza.from, receipt->attribute("id")));
    return keys;
}

im::TraceEvent event_of(const Shard& shard, const Stanza& stanza, const xmpp::Jid& to, std::string_view origin) {
    im::TraceEvent event;
    event.at = shard.clock().wall();
    event.from = stanza.from.to_string();
    if (!to.empty()) event.to = to.to_string();
    event.keys = keys_of(stanza, to, origin);
    return event;
}

// Of an IQ nothing is ever shown but the names: it may hold a password.
void add_contents(im::TraceEvent& event, const Stanza& stanza, bool body) {
    event.what = to_string(stanza.kind);
    if (!stanza.type.empty()) event.what += ' ' + stanza.type;
    if (!stanza.id.empty()) event.facts.emplace_back("id", stanza.id);
    std::string children;
    for (std::size_t i = 0; i < stanza.children.size() && i < most_children; ++i)
        children.append(children.empty() ? "" : " ").append(stanza.children[i].name());
    if (!children.empty()) event.facts.emplace_back("holds", children);
    if (const auto* error = stanza.is_error() ? stanza.child(xmpp::ns::client, "error") : nullptr) {
        std::string said;
        for (const auto* child : error->children())
            said.append(said.empty() ? "" : ", ").append(child->name() == "text" ? child->text() : child->name());
        event.facts.emplace_back("error", said);
    }
    if (stanza.kind == Stanza::Kind::iq) return;
    const auto text = stanza.text_of(stanza.kind == Stanza::Kind::message ? "body" : "status");
    event.body_bytes = text.size();
    if (body && !text.empty()) event.body = text;
}

}  // namespace

void stanza(const Shard& shard, Way way, const Stanza& stanza, const xmpp::Jid& to, std::string_view origin,
            Facts facts) {
    auto& tracer = shard.node().tracer;
    if (!tracer.wants(stanza.from, to)) return;
    auto event = event_of(shard, stanza, to, origin);
    event.way = way;
    event.protocol = "XMPP";
    add_contents(event, stanza, tracer.wants_body(stanza.from, to));
    for (auto& fact : facts)
        if (!fact.second.empty()) event.facts.push_back(std::move(fact));
    tracer.record(stanza.from, to, std::move(event));
}

void step(const Shard& shard, const im::Envelope& envelope, std::string_view what, Facts facts) {
    step(shard, *envelope.stanza, envelope.to, envelope.origin, what, std::move(facts));
}

void step(const Shard& shard, const Stanza& stanza, const xmpp::Jid& to, std::string_view origin, std::string_view what,
          Facts facts) {
    auto& tracer = shard.node().tracer;
    if (!tracer.wants(stanza.from, to)) return;
    auto event = event_of(shard, stanza, to, origin);
    event.what = what;
    event.facts = std::move(facts);
    tracer.record(stanza.from, to, std::move(event));
}

void link(const Shard& shard, const std::string& local, const std::string& remote, std::string_view what, Facts facts) {
    auto& tracer = shard.node().tracer;
    const auto ours = xmpp::Jid::make("", local), theirs = xmpp::Jid::make("", remote);
    if (!theirs || !tracer.wants(ours ? *ours : xmpp::Jid(), *theirs)) return;
    im::TraceEvent event;
    event.at = shard.clock().wall();
    event.protocol = "XMPP";
    event.from = local;
    event.to = remote;
    event.what = what;
    event.facts = std::move(facts);
    tracer.record(ours ? *ours : xmpp::Jid(), *theirs, std::move(event));
}

void subscription(const Shard& shard, const xmpp::Jid& user, const xmpp::Jid& contact, std::string_view what) {
    auto& tracer = shard.node().tracer;
    if (!tracer.wants(user, contact)) return;
    im::TraceEvent event;
    event.at = shard.clock().wall();
    event.from = contact.to_string();
    event.to = user.to_string();
    event.what = what;
    event.facts = {{"user", event.to}, {"contact", event.from}};
    event.keys = {im::watch_key(contact, user)};
    tracer.record(user, contact, std::move(event));
}

}  // namespace parley::server::trace
