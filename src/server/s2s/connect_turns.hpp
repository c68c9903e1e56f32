#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>

#include "base/executor.hpp"

namespace parley::server {

// How many links of the process look for their partner at a time: a user who writes to thousands of invented domains
// must not cost thousands of look-ups and sockets at once. The others stand in line. From any thread.
class ConnectTurns : public std::enable_shared_from_this<ConnectTurns> {
public:
    static constexpr std::size_t most_in_line = 4096;

    // A turn, or a place in the line; destroying it gives it up.
    class Turn {
    public:
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;
        ~Turn();

    private:
        friend class ConnectTurns;
        Turn(std::shared_ptr<ConnectTurns> turns, Executor& executor, Function<void()> granted)
            : turns_(std::move(turns)), executor_(executor), granted_(std::move(granted)) {}
        std::shared_ptr<ConnectTurns> turns_;
        Executor& executor_;
        Function<void()> granted_;
        bool active_ = false;
    };

    // `granted` is posted to `executor`, soon or when one of the `limit` turns is given back; it must bear that the
    // turn has been given up meanwhile. nullptr: the line is too long.
    std::shared_ptr<Turn> ask(Executor& executor, std::size_t limit, Function<void()> granted);

private:
    void grant(Turn& turn);  // under the lock
    void give_back(const Turn& turn);

    std::mutex mutex_;
    std::size_t active_ = 0;
    std::deque<std::weak_ptr<Turn>> line_;
};

}  // namespace parley::server
