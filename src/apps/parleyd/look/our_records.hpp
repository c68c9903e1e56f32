#pragma once

#include "apps/parleyd/look/parts.hpp"

namespace parley::look {

// Where a SIP partner whose kind finds us by `_sipfederationtls` would look, and what it would take amiss: no record, a
// host outside our domain, a host that our certificate does not name. As far as this node's name servers show what
// partners see: so these are warnings. `done` comes later, on the executor, within the time of a DNS question.
void look_at_our_records(const Parts& parts, const std::string& from, Reported done);

}  // namespace parley::look
