#include "im/partner_history.hpp"

#include <algorithm>

#include "base/printable.hpp"

namespace parley::im {
namespace {

// Who is refused has proven nothing: whoever claims to be a partner, with ever new faults, shall not push out what was
// there. So many refusals of different kinds stand in a row; of more the newest tells.
constexpr std::size_t most_refusals = 8;

bool same(const PartnerEvent& a, const PartnerEvent& b) {
    return a.what == b.what && a.fault == b.fault && a.by_us == b.by_us && a.local == b.local && a.detail == b.detail;
}

bool is_trouble(const PartnerEvent& event) {
    return event.what == PartnerEvent::What::failed || event.what == PartnerEvent::What::refused;
}

}  // namespace

PartnerEvent::Fault fault_of(const Error& connecting) {
    using Fault = PartnerEvent::Fault;
    if (connecting.code == Errc::timed_out) return Fault::silent;
    return connecting.detail.find("refused") == std::string::npos ? Fault::connection : Fault::refused;
}

std::string_view trace_step(const PartnerEvent& event) {
    using What = PartnerEvent::What;
    switch (event.what) {
        case What::connected: return event.by_us ? "link-up" : "link-in";
        case What::lost: return "link-down";
        case What::refused: return "link-refused";
        case What::failed:
        case What::rule:
        case What::retried: break;
    }
    return "link-failed";
}

void PartnerHistory::note(std::string_view domain, bool known, PartnerEvent event, TimePoint now) {
    if (!known && event.what == PartnerEvent::What::refused) return;
    event.local = printable(event.local, most_detail);
    event.detail = printable(event.detail, most_detail);
    event.place = printable(event.place, most_detail);
    event.first = event.last = now;
    event.times = 1;
    const std::lock_guard lock(mutex_);
    auto found = partners_.find(domain);
    if (found == partners_.end()) {
        make_room();
        found = partners_.emplace(domain, Partner{}).first;
    }
    auto& partner = found->second;
    partner.known = known;
    const auto count_again = [&](PartnerEvent& before) {
        before.last = now;
        before.detail = std::move(event.detail);
        before.place = std::move(event.place);
        ++before.times;
        partner.unsaved.insert(before.number);
    };
    // Several targets that fail in turn are a few events, each counted, and not a list of hundreds.
    std::size_t refusals = 0;
    PartnerEvent* newest_refusal = nullptr;
    for (auto before = partner.events.rbegin(); before != partner.events.rend(); ++before) {
        if (same(*before, event)) return count_again(*before);
        if (!is_trouble(event) || !is_trouble(*before)) break;  // the order of other things tells something
        if (before->what != PartnerEvent::What::refused) continue;
        if (++refusals == 1) newest_refusal = &*before;
    }
    if (event.what == PartnerEvent::What::refused && refusals >= most_refusals) return count_again(*newest_refusal);
    event.number = ++partner.last_number;
    partner.unsaved.insert(event.number);
    partner.events.push_back(std::move(event));
    if (partner.events.size() > most_events) {
        partner.unsaved.erase(partner.events.front().number);
        partner.events.erase(partner.events.begin());
    }
}

// A thousand entries are looked through when a new partner turns up beside as many others.
void PartnerHistory::make_room() {
    if (partners_.size() < most_partners) return;
    const auto first_to_go = [](const Partners::value_type& a, const Partners::value_type& b) {
        const auto last = [](const Partner& partner) {
            return partner.events.empty() ? TimePoint{} : partner.events.back().last;
        };
        return std::pair(a.second.known, last(a.second)) < std::pair(b.second.known, last(b.second));
    };
    const auto gone = std::min_element(partners_.begin(), partners_.end(), first_to_go);
    forgotten_.insert(gone->first);
    partners_.erase(gone);
}

std::vector<PartnerEvent> PartnerHistory::of(std::string_view domain) const {
    const std::lock_guard lock(mutex_);
    const auto found = partners_.find(domain);
    if (found == partners_.end()) return {};
    return found->second.events;
}

void PartnerHistory::restore(const std::string& domain, std::vector<PartnerEvent> events) {
    if (events.empty()) return;
    const std::lock_guard lock(mutex_);
    if (partners_.size() >= most_partners) return;
    auto& partner = partners_[domain];
    if (events.size() > most_events)
        events.erase(events.begin(), events.end() - static_cast<std::ptrdiff_t>(most_events));
    partner.last_number = events.back().number;
    partner.events = std::move(events);
    partner.known = true;  // until something is noted again
}

std::vector<PartnerHistory::Change> PartnerHistory::take_changes() {
    const std::lock_guard lock(mutex_);
    std::vector<Change> changes;
    // One that was forgotten and is back begins anew: its old rows go first.
    for (const auto& domain : forgotten_) changes.push_back({domain, {}, 0, true});
    forgotten_.clear();
    for (auto& [domain, partner] : partners_) {
        if (partner.unsaved.empty()) continue;
        Change change{domain, {}, partner.events.front().number};
        for (const auto& event : partner.events)
            if (partner.unsaved.contains(event.number)) change.events.push_back(event);
        partner.unsaved.clear();
        changes.push_back(std::move(change));
    }
    return changes;
}

}  // namespace parley::im
