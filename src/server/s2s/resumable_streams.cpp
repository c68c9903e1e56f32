#include "server/s2s/resumable_streams.hpp"

#include <algorithm>

namespace parley::server {

std::string ResumableStreams::add(Session session) {
    auto id = random_.hex(16);
    put(id, std::move(session));
    return id;
}

void ResumableStreams::put(const std::string& id, Session session) {
    sessions_.insert_or_assign(id, Kept{std::move(session), {}});
}

bool ResumableStreams::broke(const std::string& id, Millis window) {
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) return false;
    auto& [session, expiry] = found->second;
    std::size_t all = 0, of_this_pair = 0;
    for (const auto& [other_id, other] : sessions_) {
        if (other.session.stream != nullptr) continue;
        ++all;
        of_this_pair += other.session.local == session.local && other.session.remote == session.remote;
    }
    if (window <= Millis{0} || all >= most_broken || of_this_pair >= most_of_a_pair) {
        forget(id);
        return false;
    }
    session.stream = nullptr;
    expiry = executor_.after(window, [this, id] { forget(std::string(id)); });
    return true;
}

bool ResumableStreams::awaited(const std::string& local, const std::string& remote) const {
    return std::any_of(sessions_.begin(), sessions_.end(), [&](const auto& entry) {
        const auto& session = entry.second.session;
        return session.stream == nullptr && session.local == local && session.remote == remote;
    });
}

std::unique_ptr<ResumableStreams::Session> ResumableStreams::take(const std::string& id, const std::string& local,
                                                                  const std::string& remote) {
    const auto found = sessions_.find(id);
    if (found == sessions_.end() || found->second.session.local != local || found->second.session.remote != remote)
        return nullptr;
    auto session = std::make_unique<Session>(std::move(found->second.session));
    sessions_.erase(found);
    return session;
}

}  // namespace parley::server
