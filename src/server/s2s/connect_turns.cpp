#include "server/s2s/connect_turns.hpp"

namespace parley::server {

std::shared_ptr<ConnectTurns::Turn> ConnectTurns::ask(Executor& executor, std::size_t limit, Function<void()> granted) {
    std::shared_ptr<Turn> turn(new Turn(shared_from_this(), executor, std::move(granted)));
    const std::lock_guard lock(mutex_);
    if (active_ < limit) {
        grant(*turn);
    } else {
        if (line_.size() >= most_in_line) std::erase_if(line_, [](const auto& waiting) { return waiting.expired(); });
        if (line_.size() < most_in_line) {
            line_.push_back(turn);
            return turn;
        }
        turn->turns_.reset();  // it has nothing to give back
        return nullptr;
    }
    return turn;
}

void ConnectTurns::grant(Turn& turn) {
    ++active_;
    turn.active_ = true;
    turn.executor_.post(std::move(turn.granted_));
}

void ConnectTurns::give_back(const Turn& turn) {
    std::shared_ptr<Turn> next;  // let go outside of the lock: we may be its last owner
    const std::lock_guard lock(mutex_);
    if (!turn.active_) return;
    --active_;
    while (!next && !line_.empty()) {
        next = line_.front().lock();
        line_.pop_front();
        if (next) grant(*next);
    }
}

ConnectTurns::Turn::~Turn() {
    if (turns_) turns_->give_back(*this);
}

}  // namespace parley::server
