#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/function.hpp"
#include "storage/sqlite/connection.hpp"

namespace parley::storage::sqlite {

// Named values of this node: secrets, defaults.
Result<std::optional<std::string>> load_setting(Connection& connection, std::string_view name);
Result<void> put_setting(Connection& connection, std::string_view name, std::string_view value);
Result<std::string> setting_or_make(Connection& connection, std::string_view name, Function<std::string()> make);

}  // namespace parley::storage::sqlite
