#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"

namespace parley::sip {

// All that must outlive us of a dialog and of its usage: after a restart the same dialog goes on, and the peer sees no
// difference. One row of the store under key().
struct DialogRecord {
    enum class Role : std::uint8_t { notifier = 1, subscriber = 2, session = 3 };

    Role role = Role::notifier;
    std::string call_id, local_tag, remote_tag;
    std::string local_uri, remote_uri;   // of From and To, as sent
    std::string local_domain;            // names us in Contact and Via: sip.<local domain>
    std::string remote_domain;           // where requests go
    std::string remote_target;           // the peer's Contact
    std::vector<std::string> route_set;  // URIs, byte for byte, the first hop first
    std::uint32_t local_cseq = 0;        // the top of the reserved block: the next number is above it
    std::uint32_t remote_cseq = 0;       // 0: none seen yet
    bool tls = true;

    std::string event, event_id;  // subscriptions
    std::string state;            // "pending" or "active"
    TimePoint expires_at{};       // subscriptions: when the grant ends
    std::string note;             // the user's own words, given back unread

    const std::string& key() const { return local_tag; }  // unique: 64 random bits
    bool operator==(const DialogRecord&) const = default;
};

std::string encode(const DialogRecord& record);
Result<DialogRecord> decode_dialog_record(std::string_view row);

}  // namespace parley::sip
