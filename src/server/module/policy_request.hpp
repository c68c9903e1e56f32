#pragma once

#include "im/policy_iq.hpp"
#include "server/module/modules.hpp"

namespace parley::server {

im::PolicyAuthor author(const IqRequest& request, im::DecidedBy by);

// Carries out what a client asks of its user's policy, whatever face it used; the answer comes once it is on disk.
void change_policy(const IqRequest& request, im::PolicyRequest asked);

}  // namespace parley::server
