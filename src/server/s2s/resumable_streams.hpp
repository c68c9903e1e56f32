#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "base/executor.hpp"
#include "base/random.hpp"

namespace parley::server {

class InStream;
class Intake;

// The streams of partners that may be resumed (XEP-0198 5): those that are open, and for a while those that broke. One
// a shard; a stream that may be resumed lives on the shard of its remote domain.
class ResumableStreams {
public:
    static constexpr std::size_t most_broken = 1'000, most_of_a_pair = 4;

    ResumableStreams(Executor& executor, Random& random) : executor_(executor), random_(random) {}

    struct Session {
        std::shared_ptr<Intake> intake;
        InStream* stream;  // nullptr: it broke
        std::string local, remote;
    };
    // The id by which the stream, which is open, can be found.
    std::string add(Session session);
    void put(const std::string& id, Session session);
    // It broke without an end; can be resumed for `window`. False: it is not kept, because as many are as may.
    bool broke(const std::string& id, Millis window);
    // One of that pair of domains broke, and the partner may come back for it.
    bool awaited(const std::string& local, const std::string& remote) const;
    void forget(const std::string& id) { sessions_.erase(id); }
    // Takes it out, if it is of that pair of domains.
    std::unique_ptr<Session> take(const std::string& id, const std::string& local, const std::string& remote);
    void clear() { sessions_.clear(); }

private:
    struct Kept {
        Session session;
        Timer expiry;
    };
    Executor& executor_;
    Random& random_;
    std::unordered_map<std::string, Kept> sessions_;
};

}  // namespace parley::server
