#include "sip/transaction_state.hpp"

#include "sip/limits.hpp"

namespace parley::sip {

ServerState::ServerState(bool invite, SteadyTime now)
    : state_(invite ? State::proceeding : State::trying), invite_(invite), deadline_(now + timer::unanswered) {}

void ServerState::give_up() {
    state_ = State::terminated;
    deadline_.reset();
}

ServerState::Repeat ServerState::on_repeat() const {
    return state_ == State::proceeding || state_ == State::completed ? Repeat::resend : Repeat::absorb;
}

bool ServerState::on_ack() {
    if (state_ == State::accepted) return true;
    if (state_ == State::completed) {  // "confirmed" lasts for timer I, which is zero
        state_ = State::terminated;
        deadline_.reset();
    }
    return false;
}

void ServerState::on_response(int status, SteadyTime now) {
    if (state_ != State::trying && state_ != State::proceeding) return;
    if (status < 200) {
        state_ = State::proceeding;
    } else if (!invite_) {
        give_up();  // J is zero
    } else {
        state_ = status < 300 ? State::accepted : State::completed;
        deadline_ = now + timer::transaction;
    }
}

bool ServerState::on_time(SteadyTime now) {
    if (!deadline_ || *deadline_ > now) return false;
    const bool lost = state_ == State::completed;
    state_ = State::terminated;
    deadline_.reset();
    return lost;
}

ClientState::ClientState(bool invite, SteadyTime now) : invite_(invite), deadline_(now + timer::transaction) {}

void ClientState::on_sent(SteadyTime now) {
    if (state_ == State::calling) deadline_ = now + timer::transaction;
}

ClientState::Step ClientState::on_response(int status, SteadyTime now) {
    switch (state_) {
        case State::calling:
        case State::proceeding: break;
        case State::accepted:
            return {status >= 200 && status < 300, false};  // another 2xx of a fork, or the same again
        case State::terminated: return {};
    }
    if (status < 200) {
        state_ = State::proceeding;
        if (invite_) deadline_.reset();  // from here on the session watches over it (timer C)
        return {true, false};
    }
    if (invite_ && status < 300) {
        state_ = State::accepted;
        deadline_ = now + timer::transaction;
        return {true, false};
    }
    state_ = State::terminated;
    deadline_.reset();
    return {true, invite_};
}

bool ClientState::on_time(SteadyTime now) {
    if (!deadline_ || *deadline_ > now) return false;
    const bool unanswered = state_ != State::accepted;
    state_ = State::terminated;
    deadline_.reset();
    return unanswered;
}

bool ClientState::on_transport_error() {
    if (state_ == State::accepted || state_ == State::terminated) return false;
    state_ = State::terminated;
    deadline_.reset();
    return true;
}

}  // namespace parley::sip
