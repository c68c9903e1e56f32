#pragma once

#include "apps/parleyd/look/parts.hpp"

namespace parley::look {

// `parleyctl dns plan`: what to publish so that clients and partners find the local domains, and what their
// certificates must name; each with whether it is there. Report::good: all of it is.
void plan_dns(Parts parts, std::vector<std::string> domains, Reported done);

}  // namespace parley::look
