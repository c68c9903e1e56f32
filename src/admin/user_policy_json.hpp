#pragma once

#include <optional>

#include <boost/json.hpp>

#include "im/user_policy.hpp"

namespace parley::admin {

// A user's policy as the control protocol and `parleyctl --json` have it.
boost::json::object user_policy_json(const im::UserPolicy& policy);
std::optional<im::UserPolicy> user_policy_from(const boost::json::object& object);

}  // namespace parley::admin
