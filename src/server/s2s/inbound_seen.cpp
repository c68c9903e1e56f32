#include "server/s2s/inbound_seen.hpp"

namespace parley::server {

InboundSeen::Seen& InboundSeen::entry(const std::string& domain, bool has_rule) {
    auto& entry = entries_[domain];
    if (entry.age) {
        others_.erase(*entry.age);
        entry.age.reset();
    }
    if (has_rule) return entry.seen;
    entry.age = others_.insert(others_.end(), domain);
    if (others_.size() > most_others) {
        entries_.erase(others_.front());
        others_.pop_front();
    }
    return entry.seen;
}

void InboundSeen::proven(const std::string& domain, bool has_rule, Proven what) {
    const std::lock_guard lock(mutex_);
    entry(domain, has_rule).proven = std::move(what);
}

void InboundSeen::refused(const std::string& domain, bool has_rule, Refused what) {
    const std::lock_guard lock(mutex_);
    entry(domain, has_rule).refused = std::move(what);
}

void InboundSeen::asked(const std::string& domain, bool has_rule, Question what) {
    const std::lock_guard lock(mutex_);
    if (what.stream_id.size() > longest_id) what.stream_id.resize(longest_id);
    auto& questions = entry(domain, has_rule).questions;
    questions.push_back(std::move(what));
    if (questions.size() > most_questions) questions.pop_front();
}

InboundSeen::Seen InboundSeen::of(const std::string& domain) const {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(domain);
    return found == entries_.end() ? Seen{} : found->second.seen;
}

}  // namespace parley::server
