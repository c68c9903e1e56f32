#include "im/user_policy.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <unordered_set>

namespace parley::im {
namespace {

constexpr std::array verdicts{"allow", "block", "ask"};

// What stands before an address in a record.
struct Head {
    std::int64_t at = 0;  // seconds
    Verdict verdict = Verdict::ask;
    DecidedBy by = DecidedBy::administrator;
};
constexpr std::size_t head_bytes = 10, length_bytes = 2;

void write_head(char* to, const Head& head) {
    std::memcpy(to, &head.at, sizeof head.at);
    to[8] = static_cast<char>(head.verdict);
    to[9] = static_cast<char>(head.by);
}
Head head_of(std::string_view record) {
    Head head;
    std::memcpy(&head.at, record.data(), sizeof head.at);
    head.verdict = static_cast<Verdict>(record[8]);
    head.by = static_cast<DecidedBy>(record[9]);
    return head;
}
std::string_view address_of(std::string_view record) {
    std::uint16_t length = 0;
    std::memcpy(&length, record.data() + head_bytes, sizeof length);
    return record.substr(head_bytes + length_bytes, length);
}

}  // namespace

std::string_view to_string(Verdict verdict) {
    return verdicts[static_cast<std::size_t>(verdict)];
}

std::optional<Verdict> verdict_of(std::string_view word) {
    const auto found = std::find(verdicts.begin(), verdicts.end(), word);
    if (found == verdicts.end()) return std::nullopt;
    return static_cast<Verdict>(found - verdicts.begin());
}

std::string_view to_string(DecidedBy by) {
    switch (by) {
        case DecidedBy::administrator: return "administrator";
        case DecidedBy::native_client: return "native client";
        case DecidedBy::client: return "client";
        case DecidedBy::blocking_command: return "XEP-0191";
        case DecidedBy::privacy_list: return "XEP-0016";
    }
    return "administrator";
}

std::uint32_t UserPolicy::Key::hash() const {
    const std::hash<std::string_view> of;
    const std::uint64_t all = of(local) * 31 + of(domain) * 17 + of(resource);
    return static_cast<std::uint32_t>(all ^ (all >> 32));
}

bool UserPolicy::Key::is(std::string_view text) const {
    const auto takes = [&text](std::string_view part) {
        if (!text.starts_with(part)) return false;
        text.remove_prefix(part.size());
        return true;
    };
    if (!local.empty() && !(takes(local) && takes("@"))) return false;
    if (!takes(domain)) return false;
    return resource.empty() ? text.empty() : takes("/") && text == resource;
}

const UserPolicy::Place* UserPolicy::place_of(const Key& key) const {
    if (places_.empty()) return nullptr;
    const auto hash = key.hash();
    const auto mask = places_.size() - 1;
    for (std::size_t i = hash & mask; places_[i].record != 0; i = (i + 1) & mask)
        if (places_[i].hash == hash && key.is(address_of(std::string_view(records_).substr(places_[i].record - 1))))
            return &places_[i];
    return nullptr;
}

// XEP-0191 and XEP-0016 give the order: user@domain/resource, user@domain, domain/resource, domain.
const UserPolicy::Place* UserPolicy::match(const xmpp::Jid& who) const {
    if (size_ == 0) return nullptr;
    const auto key = key_of(who);
    if (with_resource_ > 0 && !key.resource.empty())
        if (const auto* found = place_of(key)) return found;
    if (const auto* found = place_of({key.local, key.domain, {}})) return found;
    if (key.local.empty()) return nullptr;
    if (with_resource_ > 0 && !key.resource.empty())
        if (const auto* found = place_of({{}, key.domain, key.resource})) return found;
    return place_of({{}, key.domain, {}});
}

Verdict UserPolicy::verdict_at(const Place& place) const {
    return head_of(std::string_view(records_).substr(place.record - 1)).verdict;
}

PolicyEntry UserPolicy::at(const Place& place) const {
    const auto record = std::string_view(records_).substr(place.record - 1);
    const auto head = head_of(record);
    const auto who = xmpp::Jid::parse(address_of(record));
    return {who ? *who : xmpp::Jid{}, head.verdict, head.by, TimePoint{Seconds{head.at}}};
}

std::optional<PolicyEntry> UserPolicy::entry(const xmpp::Jid& exactly) const {
    const auto* place = place_of(key_of(exactly));
    return place ? std::optional(at(*place)) : std::nullopt;
}

std::optional<PolicyEntry> UserPolicy::find(const xmpp::Jid& who) const {
    const auto* place = match(who);
    return place ? std::optional(at(*place)) : std::nullopt;
}

bool UserPolicy::blocks(const xmpp::Jid& who) const {
    const auto* place = match(who);
    return place && verdict_at(*place) == Verdict::block;
}

UserPolicy::Decision UserPolicy::decide(const xmpp::Jid& who, bool is_inside) const {
    if (auto found = find(who)) {
        const auto verdict = found->verdict;
        return {verdict, std::move(found)};
    }
    return {is_inside ? inside : outside, std::nullopt};
}

void UserPolicy::insert(std::uint32_t hash, std::uint32_t record) {
    const auto mask = places_.size() - 1;
    auto i = hash & mask;
    while (places_[i].record != 0) i = (i + 1) & mask;
    places_[i] = {hash, record};
}

void UserPolicy::grow() {
    auto before = std::move(places_);
    places_.assign(std::max<std::size_t>(16, before.size() * 2), {});
    for (const auto& place : before)
        if (place.record != 0) insert(place.hash, place.record);
}

void UserPolicy::put(const PolicyEntry& entry) {
    const auto key = key_of(entry.who);
    const Head head{std::chrono::duration_cast<Seconds>(entry.at.time_since_epoch()).count(), entry.verdict, entry.by};
    if (const auto* place = place_of(key)) {
        write_head(records_.data() + place->record - 1, head);
        return;
    }
    if (size_ * 3 >= places_.size() * 2) grow();
    const auto text = entry.who.to_string();
    const auto begin = records_.size();
    const auto length = static_cast<std::uint16_t>(text.size());
    records_.resize(begin + head_bytes);
    write_head(records_.data() + begin, head);
    records_.append(reinterpret_cast<const char*>(&length), sizeof length).append(text);
    insert(key.hash(), static_cast<std::uint32_t>(begin + 1));
    ++size_;
    if (!entry.who.is_bare()) ++with_resource_;
}

// Made anew without them, which is as cheap as what follows from a change.
void UserPolicy::remove(const std::vector<xmpp::Jid>& gone) {
    bool any = false;
    for (const auto& who : gone) any = any || place_of(key_of(who)) != nullptr;
    if (!any) return;
    const std::unordered_set<xmpp::Jid> without(gone.begin(), gone.end());
    UserPolicy fresh;
    for (const auto& place : places_) {
        if (place.record == 0) continue;
        const auto entry = at(place);
        if (!without.contains(entry.who)) fresh.put(entry);
    }
    fresh.inside = inside;
    fresh.outside = outside;
    *this = std::move(fresh);
}

void UserPolicy::apply(const PolicyChange& change) {
    if (change.inside) inside = *change.inside;
    if (change.outside) outside = *change.outside;
    remove(change.remove);
    for (const auto& entry : change.put) put(entry);
}

std::vector<PolicyEntry> UserPolicy::entries() const {
    std::vector<PolicyEntry> all;
    all.reserve(size_);
    for (const auto& place : places_)
        if (place.record != 0) all.push_back(at(place));
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
        if (a.who.local().empty() != b.who.local().empty()) return a.who.local().empty();
        return a.who < b.who;
    });
    return all;
}

bool UserPolicy::operator==(const UserPolicy& other) const {
    return inside == other.inside && outside == other.outside && entries() == other.entries();
}

bool may_be_listed(const xmpp::Jid& user, const xmpp::Jid& who) {
    return !who.empty() && !who.same_bare(user);
}

}  // namespace parley::im
