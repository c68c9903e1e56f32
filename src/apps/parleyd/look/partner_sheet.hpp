#pragma once

#include "apps/parleyd/look/parts.hpp"

namespace parley::look {

// `parleyctl federation sheet`: what the administrators of a partner need in order to reach these domains of ours. The
// records are those of plan_dns(), each with whether it is published.
void partner_sheet(Parts parts, std::vector<std::string> domains, Reported done);

}  // namespace parley::look
