#include "im/refusals.hpp"

#include <algorithm>
#include <utility>

#include "base/address_block.hpp"
#include "base/printable.hpp"

namespace parley::im {
namespace {

// Without those that are taken for another when somebody reads them out.
constexpr std::string_view letters = "23456789abcdefghjkmnpqrstuvwxyz";
constexpr std::size_t digits = 8;
constexpr std::size_t reference_length = 8;

// It begins with a letter: digits alone would be taken for an address.
std::string new_reference(Random& random) {
    std::string out(1, letters[digits + random.below(letters.size() - digits)]);
    while (out.size() < reference_length) out += letters[random.below(letters.size())];
    return out;
}

std::string key_of(const Refusal& refusal) {
    std::string key;
    for (const auto* part :
         {&refusal.partner, &refusal.local, &refusal.protocol, &refusal.address, &refusal.condition, &refusal.why})
        key.append(*part) += '\0';
    return key;
}

std::string whose(const Refusal& refusal) {
    return refusal.address.empty() ? "of " + refusal.partner : address_block(refusal.address);
}

}  // namespace

Refusal one_way_refusal(const FederationPolicy& policy, const std::string& domain) {
    const auto* rule = policy.rule(domain);
    Refusal refusal;
    refusal.partner = rule ? rule->domain : domain;
    refusal.why = "nothing from " + refusal.partner + " is let in here";
    refusal.remedy = "To let it in: parleyctl federation allow " + refusal.partner + " --direction both";
    return refusal;
}

std::string told(std::string_view why, std::string_view reference, bool disclosed) {
    if (reference.empty()) return std::string(disclosed ? why : "");
    const auto name = "reference " + std::string(reference);
    return !disclosed || why.empty() ? name : std::string(why) + " (" + name + ")";
}

Refusals::Noted Refusals::note(Refusal what, bool known, TimePoint now, Random& random) {
    for (auto* text : {&what.partner, &what.local, &what.condition, &what.why, &what.remedy})
        *text = printable(*text, most_words);
    auto key = key_of(what);
    const std::lock_guard lock(mutex_);
    auto found = entries_.find(key);
    if (found == entries_.end()) {
        auto one = whose(what);
        make_room(one);
        what.reference = new_reference(random);
        what.first = now;
        what.times = 0;
        found = entries_.emplace(std::move(key), Entry{std::move(what), std::move(one)}).first;
    }
    auto& entry = found->second;
    entry.known = known;
    entry.saved = false;
    entry.refusal.last = now;
    ++entry.refusal.times;
    return {entry.refusal.reference, entry.refusal.why};
}

// All are looked through when something new is refused; who has proven nothing gets few refusals on one stream.
void Refusals::make_room(const std::string& one) {
    std::size_t of_one = 0;
    auto first = entries_.end(), first_of_one = entries_.end();
    const auto goes_before = [this](auto other, auto entry) {
        const auto rank = [](const Entry& it) { return std::pair(it.known, it.refusal.last); };
        return other == entries_.end() || rank(entry->second) < rank(other->second);
    };
    for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
        if (goes_before(first, entry)) first = entry;
        if (entry->second.one != one) continue;
        ++of_one;
        if (goes_before(first_of_one, entry)) first_of_one = entry;
    }
    if (of_one >= most_of_one)
        drop(first_of_one);
    else if (entries_.size() >= most)
        drop(first);
}

void Refusals::drop(Entries::iterator entry) {
    if (entry->second.stored) gone_.insert(entry->second.refusal.reference);
    entries_.erase(entry);
}

std::optional<Refusal> Refusals::find(std::string_view reference) const {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const auto& entry) { return entry.second.refusal.reference == reference; });
    return found == entries_.end() ? std::nullopt : std::optional(found->second.refusal);
}

std::vector<Refusal> Refusals::newest(std::string_view partner, std::size_t count) const {
    std::vector<Refusal> out;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [key, entry] : entries_)
            if (partner.empty() || entry.refusal.partner == partner) out.push_back(entry.refusal);
    }
    std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.last > b.last; });
    if (out.size() > count) out.resize(count);
    return out;
}

void Refusals::restore(std::vector<Refusal> stored) {
    const std::lock_guard lock(mutex_);
    for (auto& refusal : stored) {
        auto key = key_of(refusal);
        if (entries_.size() >= most || entries_.contains(key)) {
            gone_.insert(refusal.reference);
            continue;
        }
        auto one = whose(refusal);
        entries_.emplace(std::move(key), Entry{std::move(refusal), std::move(one), true, true, true});
    }
}

Refusals::Change Refusals::take_changes() {
    const std::lock_guard lock(mutex_);
    Change change;
    for (auto& [key, entry] : entries_) {
        if (entry.saved) continue;
        change.changed.push_back(entry.refusal);
        entry.stored = entry.saved = true;
    }
    change.gone.assign(gone_.begin(), gone_.end());
    gone_.clear();
    return change;
}

void Refusals::put_back(const Change& change) {
    const std::lock_guard lock(mutex_);
    for (const auto& refusal : change.changed)
        if (const auto found = entries_.find(key_of(refusal)); found != entries_.end()) found->second.saved = false;
    gone_.insert(change.gone.begin(), change.gone.end());
}

}  // namespace parley::im
