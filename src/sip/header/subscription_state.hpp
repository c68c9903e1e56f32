#pragma once

#include <optional>

#include "base/clock.hpp"
#include "sip/header/params.hpp"

namespace parley::sip {

// RFC 6665 8.2.3   Subscription-State = substate-value *( SEMI subexp-params )
struct SubscriptionState {
    enum class Value { active, pending, terminated };
    Value value = Value::pending;  // an unknown extension counts as pending: nothing may be concluded from it
    std::optional<Seconds> expires;
    std::optional<Seconds> retry_after;
    std::string reason;  // "deactivated", "rejected", ...: kept as sent, peers invent their own
    std::string to_string() const;
};

Result<SubscriptionState> parse_subscription_state(std::string_view value);

}  // namespace parley::sip
