#include <future>

#include "admin/federation_rule.hpp"
#include "apps/parleyd/node_process.hpp"
#include "base/log.hpp"

// What the node remembers of its partners and of what it was asked to follow: the clocks and the disk of both.
namespace parley {
namespace {

// What was noted since the last save is lost with a crash. Seldom enough that a partner that fails every second costs
// nothing, and never on the way of a stanza.
constexpr Millis history_saved_every{10'000};

}  // namespace

void NodeProcess::trace_started() {
    const auto now = main_.clock().wall();
    const auto next = node_.tracer.expire(now);
    trace_timer_ = {};
    if (next) trace_timer_ = main_.after(std::max(Millis{1}, *next - now), [this] { trace_started(); });
}

// At start, before anything is served. A history that cannot be read is no reason not to start.
void NodeProcess::load_history() {
    main_stores_ = engine_->stores_for(main_);
    std::promise<void> read;
    loops_.front()->post([&] {
        shards_.front()->stores().history().load([&](Result<storage::HistoryStore::All> all) {
            if (!all) log(LogLevel::error, "", "the history of partners cannot be read: " + all.error().detail);
            if (all)
                for (auto& [domain, events] : *all) node_.history.restore(domain, std::move(events));
            shards_.front()->stores().history().load_refusals([&](Result<std::vector<im::Refusal>> refusals) {
                if (!refusals) log(LogLevel::error, "", "the refusals cannot be read: " + refusals.error().detail);
                if (refusals) node_.refusals.restore(*std::move(refusals));
                read.set_value();
            });
        });
    });
    read.get_future().wait();
    main_.post([this] { history_timer_ = main_.after(history_saved_every, [this] { save_history(); }); });
}

void NodeProcess::save_history() {
    const auto saved = [](const Result<>& done) {
        if (!done) log(LogLevel::error, "", "the history of partners cannot be saved: " + done.error().detail);
    };
    for (auto& change : node_.history.take_changes()) main_stores_->history().apply(std::move(change), saved);
    if (auto change = node_.refusals.take_changes(); !change.empty())
        main_stores_->history().apply(change, [this, change, saved](const Result<>& done) {
            if (!done) node_.refusals.put_back(change);
            saved(done);
        });
    if (history_timer_.pending()) history_timer_ = main_.after(history_saved_every, [this] { save_history(); });
}

void NodeProcess::note_rules(const im::FederationPolicy& before, const im::FederationPolicy& after) {
    const auto note = [this](const std::string& domain, bool known, std::string detail) {
        im::PartnerEvent event;
        event.what = im::PartnerEvent::What::rule;
        event.detail = std::move(detail);
        node_.history.note(domain, known, std::move(event), main_.clock().wall());
    };
    for (const auto& [domain, rule] : after.rules)
        if (const auto old = before.rules.find(domain); old == before.rules.end() || old->second != rule)
            note(domain, true, admin::describe(rule));
    for (const auto& [domain, rule] : before.rules)
        if (!after.names(domain)) note(domain, false, {});
}

}  // namespace parley
