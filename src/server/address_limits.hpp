#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/limits.hpp"
#include "net/connection.hpp"

namespace parley::server {

// How many connections one address may have: few that nobody has signed in on, more in all. An IPv6 /64 counts as one
// address, because a single customer has that many. Loopback is not counted. Any thread.
class AddressLimits : public std::enable_shared_from_this<AddressLimits> {
public:
    // Held by a connection for as long as it is open.
    class Place {
    public:
        Place() = default;
        Place(Place&& other) noexcept = default;
        Place& operator=(Place&& other) noexcept;
        ~Place();
        void authenticated();

    private:
        friend class AddressLimits;
        Place(std::shared_ptr<AddressLimits> book, std::string address)
            : book_(std::move(book)), address_(std::move(address)) {}
        std::shared_ptr<AddressLimits> book_;
        std::string address_;
        bool authenticated_ = false;
    };

    // Nothing: the address has as many as it may.
    std::optional<Place> enter(const net::Endpoint& peer, const Limits& limits);

private:
    struct Count {
        int open = 0, unauthenticated = 0;
    };
    void leave(const std::string& address, bool authenticated);

    std::mutex mutex_;
    std::unordered_map<std::string, Count> counts_;
};

}  // namespace parley::server
