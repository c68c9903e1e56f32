#pragma once

#include <string>

#include "storage/sqlite/connection.hpp"

namespace parley::storage::sqlite {

// The number of the newest migration. A migration is never edited once released: a change is a new one.
extern const int schema_version;

// Brings the database to schema_version, each step in a transaction of its own. A file of a newer parley and a file
// that is no database of ours are refused, with a sentence for the administrator.
Result<void> migrate(Connection& connection, const std::string& path);
// Up to `version` only: for the test of the migrations themselves.
Result<void> migrate_to(Connection& connection, const std::string& path, int version);

}  // namespace parley::storage::sqlite
