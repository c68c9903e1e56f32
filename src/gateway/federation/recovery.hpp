#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "base/executor.hpp"

namespace parley::gateway {

// Has a partner forgotten the subscriptions that we hold there? A lost connection says nothing by itself: idle ones are
// closed every day. So one subscription, the canary, is refreshed; only when the partner does not know it any more are
// all of them made anew. While the partner cannot be reached the canary goes on asking, so that its return is noticed
// within seconds. One object a shard, for the domains whose connections live there. One thread.
class Recovery {
public:
    class Shards {
    public:
        virtual ~Shards() = default;
        virtual std::size_t count() const = 0;
        // To refresh one subscription there that has not been heard of since; answered() tells what came of it.
        virtual void ask_canary(std::size_t shard, const std::string& domain, SteadyTime since) = 0;
        // To make those anew that have not been heard of since.
        virtual void forgotten(const std::string& domain, SteadyTime since) = 0;
    };
    enum class Sign {
        link_lost,
        unknown_dialog,  // a refresh was answered 481: it may concern that one alone
    };
    enum class Canary { none, alive, unknown_dialog, unreachable };

    Recovery(Executor& executor, Shards& shards) : executor_(executor), shards_(shards) {}

    void suspect(const std::string& domain, Sign sign);
    void answered(const std::string& domain, Canary canary);
    void stop() { domains_.clear(); }

private:
    struct Domain {
        SteadyTime since{}, unreachable_since{};
        std::size_t shard = 0;
        int evidence = 0;
        bool asking = false, unreachable = false;
        Timer again;
    };
    void ask(const std::string& domain, Domain& state);

    Executor& executor_;
    Shards& shards_;
    std::map<std::string, Domain> domains_;  // those under suspicion
};

}  // namespace parley::gateway
