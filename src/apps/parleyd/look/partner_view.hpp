#pragma once

#include "apps/parleyd/look/parts.hpp"
#include "im/partner_overview.hpp"

namespace parley::look {

// `parleyctl federation show`: the rule, what it means, and what there is between us and the partner.
admin::Report view_of(const Parts& parts, const std::string& domain, const im::PartnerOverview& overview);
// `parleyctl federation sessions`
admin::Report sessions_of(const im::PartnerOverview& overview);
// What `parleyctl status` must not let anybody forget.
admin::Report notices_of(const Parts& parts);

}  // namespace parley::look
