#pragma once

#include <optional>

#include <boost/json/object.hpp>

#include "admin/report.hpp"

namespace parley::admin {

// As it travels over the control socket.
boost::json::object report_json(const Report& report);
std::optional<Report> report_from(const boost::json::object& object);
// As `parleyctl --json` prints it: rule ids with their texts, and their arguments for scripts.
boost::json::object report_for_people(const Report& report, Language language);

}  // namespace parley::admin
