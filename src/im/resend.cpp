#include "im/resend.hpp"

#include <algorithm>

#include <boost/container/small_vector.hpp>

#include "base/hash_stream.hpp"
#include "xmpp/ns.hpp"

namespace parley::im {
namespace {

void add_start(HashStream& hash, const xml::Element& element) {
    hash.add(element.ns()).add(element.name());
    for (const auto& attribute : element.attributes()) hash.add(attribute.ns).add(attribute.name).add(attribute.value);
    hash.add("<");
}

void add_element(HashStream& hash, const xml::Element& root) {
    struct Open {
        const xml::Element* element;
        std::size_t next;
    };
    boost::container::small_vector<Open, 16> open{{&root, 0}};
    add_start(hash, root);
    while (!open.empty()) {
        auto& top = open.back();
        const auto& nodes = top.element->nodes();
        if (top.next == nodes.size()) {
            hash.add(">");
            open.pop_back();
            continue;
        }
        const auto& node = nodes[top.next++];
        if (const auto* text = std::get_if<std::string>(&node)) {
            hash.add("'").add(*text);
        } else {
            const auto& child = std::get<xml::Element>(node);
            add_start(hash, child);
            open.push_back({&child, 0});
        }
    }
}

constexpr unsigned order_bits = 24;

std::uint64_t seconds_of(SteadyTime now) {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<Seconds>(now.time_since_epoch()).count());
}

constexpr std::size_t smallest = 16;

}  // namespace

std::optional<ResendKey> resend_key(const xmpp::Stanza& message, const xmpp::Jid& sender) {
    const auto* origin = message.child(xmpp::ns::stanza_id, "origin-id");
    const auto own = origin ? origin->attribute("id") : std::string_view{};
    const std::string_view id = own.empty() ? std::string_view(message.id) : own;
    if (id.empty()) return std::nullopt;
    HashStream hash;
    for (const auto* jid : {&sender, &message.to}) hash.add(jid->local()).add(jid->domain()).add(jid->resource());
    hash.add(id).add(message.type).add(message.lang);
    for (const auto& child : message.children)
        if (!child.is(xmpp::ns::delay, "delay")) add_element(hash, child);
    return ResendKey{std::max<std::uint64_t>(hash.value(), 1), !own.empty()};
}

std::size_t SentBook::place_of(std::uint64_t key) const {
    auto place = key & (entries_.size() - 1);
    while (entries_[place].key != 0 && entries_[place].key != key) place = (place + 1) & (entries_.size() - 1);
    return place;
}

std::uint32_t SentBook::count(std::uint64_t key) const {
    return entries_.empty() ? 0 : entries_[place_of(key)].times;
}

std::uint32_t SentBook::add(std::uint64_t key, SteadyTime now, std::uint32_t times) {
    const auto seconds = seconds_of(now);
    if (4 * (used_ + 1) > 3 * entries_.size()) make_room(seconds);
    auto& entry = entries_[place_of(key)];
    if (entry.key == 0) {
        entry.key = key;
        ++used_;
    }
    entry.at = seconds << order_bits | (++order_ & ((1U << order_bits) - 1));
    return entry.times += times;
}

void SentBook::take(std::uint64_t key) {
    if (entries_.empty()) return;
    if (auto& entry = entries_[place_of(key)]; entry.times > 0) --entry.times;
}

void SentBook::add_all(const SentBook& other) {
    for (const auto& entry : other.entries_)
        if (entry.times > 0) add(entry.key, SteadyTime{Seconds{entry.at >> order_bits}}, entry.times);
}

// A new table of those that still count.
void SentBook::make_room(std::uint64_t now) {
    std::vector<Entry> left;
    left.reserve(used_);
    for (const auto& entry : entries_)
        if (entry.times > 0 && (entry.at >> order_bits) + static_cast<std::uint64_t>(kept.count()) >= now)
            left.push_back(entry);
    if (left.size() >= most_) {
        const auto half = left.begin() + static_cast<std::ptrdiff_t>(most_ / 2);
        std::nth_element(left.begin(), half, left.end(), [](const Entry& a, const Entry& b) { return a.at > b.at; });
        left.erase(half, left.end());
    }
    auto size = smallest;
    while (size < 2 * (left.size() + 1)) size *= 2;
    entries_.assign(size, {});
    for (const auto& entry : left) entries_[place_of(entry.key)] = entry;
    used_ = left.size();
}

}  // namespace parley::im
