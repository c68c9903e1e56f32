#include "im/refusals.hpp"

#include <algorithm>
#include <utility>

#include "base/printable.hpp"

namespace parley::im {
namespace {

// Without those that are taken for another when somebody reads them out.
constexpr std::string_view letters = "23456789abcdefghjkmnpqrstuvwxyz";
constexpr std::size_t reference_length = 8;

std::string new_reference(Random& random) {
    std::string out;
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

}  // namespace

std::string told(std::string_view why, std::string_view reference, bool disclosed) {
    if (reference.empty()) return std::string(disclosed ? why : "");
    const auto name = "reference " + std::string(reference);
    return !disclosed || why.empty() ? name : std::string(why) + " (" + name + ")";
}

std::string Refusals::note(Refusal what, TimePoint now, Random& random) {
    for (auto* text : {&what.partner, &what.local, &what.condition, &what.why, &what.remedy})
        *text = printable(*text, most_words);
    auto key = key_of(what);
    const std::lock_guard lock(mutex_);
    auto found = entries_.find(key);
    if (found == entries_.end()) {
        make_room(what.address);
        what.reference = new_reference(random);
        what.first = now;
        what.times = 0;
        found = entries_.emplace(key, std::move(what)).first;
    }
    found->second.last = now;
    ++found->second.times;
    unsaved_.insert(std::move(key));
    return found->second.reference;
}

// All are looked through when something new is refused beside as many others.
void Refusals::make_room(const std::string& address) {
    std::size_t of_address = 0;
    auto oldest = entries_.end(), oldest_of_address = entries_.end();
    const auto older = [this](auto than, auto entry) {
        return than == entries_.end() || entry->second.last < than->second.last;
    };
    for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
        if (older(oldest, entry)) oldest = entry;
        if (entry->second.address != address) continue;
        ++of_address;
        if (older(oldest_of_address, entry)) oldest_of_address = entry;
    }
    const auto goes = of_address >= most_of_address ? oldest_of_address
                      : entries_.size() >= most     ? oldest
                                                    : entries_.end();
    if (goes == entries_.end()) return;
    unsaved_.erase(goes->first);
    gone_.push_back(goes->second.reference);
    entries_.erase(goes);
}

std::optional<Refusal> Refusals::find(std::string_view reference) const {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const auto& entry) { return entry.second.reference == reference; });
    return found == entries_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<Refusal> Refusals::newest(std::string_view partner, std::size_t count) const {
    std::vector<Refusal> out;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [key, refusal] : entries_)
            if (partner.empty() || refusal.partner == partner) out.push_back(refusal);
    }
    std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.last > b.last; });
    if (out.size() > count) out.resize(count);
    return out;
}

void Refusals::restore(std::vector<Refusal> stored) {
    const std::lock_guard lock(mutex_);
    for (auto& refusal : stored) {
        if (entries_.size() >= most) return;
        auto key = key_of(refusal);
        entries_.emplace(std::move(key), std::move(refusal));
    }
}

Refusals::Change Refusals::take_changes() {
    const std::lock_guard lock(mutex_);
    Change change;
    for (const auto& key : unsaved_) change.changed.push_back(entries_.at(key));
    unsaved_.clear();
    change.gone = std::exchange(gone_, {});
    return change;
}

}  // namespace parley::im
