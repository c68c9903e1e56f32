#pragma once

#include <string>
#include <vector>

#include "admin/report.hpp"
#include "im/partner_history.hpp"

namespace parley::look {

// `parleyctl federation history`: what has happened with the partner, oldest first.
admin::Report history_of(const std::string& domain, const std::vector<im::PartnerEvent>& events);

}  // namespace parley::look
