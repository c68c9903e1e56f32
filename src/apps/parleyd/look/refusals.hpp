#pragma once

#include <string>

#include "admin/report.hpp"
#include "im/refusals.hpp"

namespace parley::look {

// `parleyctl federation refusals`: the newest of all partners, or those of `which`, a domain or a reference. Not good:
// a reference that is not known.
admin::Report refusals_of(const im::Refusals& refusals, const std::string& which);

}  // namespace parley::look
