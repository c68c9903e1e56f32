#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_set>
#include <vector>

#include "base/clock.hpp"
#include "base/function.hpp"

namespace parley::gateway {

// Who may ask one partner for a subscription next. So many requests are unanswered at once; the others wait here, where
// they cost nothing and can be overtaken: people watched by somebody who is online come first. The rate on the wire is
// the link's business. A partner that knows us by discovery alone watches how many of its people we ask for, so people
// nobody here has asked for before are met a limited number a day. Pure; one thread.
class Turns {
public:
    struct Wish {
        bool online = false;       // somebody who is here now waits for it
        bool first = false;        // this person has never let us in before
        std::uint64_t person = 0;  // hash of the partner's user
        Function<void()> go;       // its turn has come; done() gives it back
    };
    struct Bounds {
        std::size_t at_once = 1;
        std::optional<std::size_t> first_contacts;  // in one window; none: as many as wait
    };

    void ask(Wish wish);
    void done();
    // Those whose turn it is; the caller runs them.
    std::vector<Function<void()>> take(const Bounds& bounds, SteadyTime now);
    // When first contacts may go on; nothing while none of them waits for that.
    std::optional<SteadyTime> next() const;
    std::size_t waiting() const;
    // Nothing waits, nobody has a turn, and nobody needs to be remembered.
    bool idle(SteadyTime now) const;

private:
    std::optional<Wish> pick(const Bounds& bounds, SteadyTime now);
    void roll(SteadyTime now);

    // In this order: known and online, first and online, known, first.
    std::array<std::deque<Wish>, 4> queues_;
    std::size_t taken_ = 0;
    bool held_ = false;  // the window is full and somebody waits for the next
    std::optional<SteadyTime> window_ends_;
    std::unordered_set<std::uint64_t> met_;
};

}  // namespace parley::gateway
