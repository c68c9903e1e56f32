#include "server/address_limits.hpp"

#include "base/address_block.hpp"

namespace parley::server {

AddressLimits::Place& AddressLimits::Place::operator=(Place&& other) noexcept {
    if (this == &other) return *this;
    if (book_) book_->leave(address_, authenticated_);
    book_ = std::move(other.book_);
    address_ = std::move(other.address_);
    authenticated_ = other.authenticated_;
    return *this;
}

AddressLimits::Place::~Place() {
    if (book_) book_->leave(address_, authenticated_);
}

void AddressLimits::Place::authenticated() {
    if (!book_ || authenticated_) return;
    authenticated_ = true;
    const std::lock_guard lock(book_->mutex_);
    --book_->counts_[address_].unauthenticated;
}

std::optional<AddressLimits::Place> AddressLimits::enter(const net::Endpoint& peer, const Limits& limits) {
    if (peer.is_loopback()) return Place{};
    auto address = address_block(peer.address);
    const std::lock_guard lock(mutex_);
    auto& count = counts_[address];
    if (count.open >= limits.connections_per_address || count.unauthenticated >= limits.unauthenticated_per_address) {
        if (count.open == 0) counts_.erase(address);
        return std::nullopt;
    }
    ++count.open;
    ++count.unauthenticated;
    return Place{shared_from_this(), std::move(address)};
}

void AddressLimits::leave(const std::string& address, bool authenticated) {
    const std::lock_guard lock(mutex_);
    const auto found = counts_.find(address);
    if (found == counts_.end()) return;
    if (!authenticated) --found->second.unauthenticated;
    if (--found->second.open == 0) counts_.erase(found);
}

}  // namespace parley::server
