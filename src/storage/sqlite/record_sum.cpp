#include "storage/sqlite/record_sum.hpp"

#include <string>

#include <xxhash.h>

#include "base/log.hpp"

namespace parley::storage::sqlite {

RecordSum& RecordSum::add(std::int64_t value) {
    return add(std::string_view(reinterpret_cast<const char*>(&value), sizeof value));
}

// The sum so far and the size are the seed: "ab", "c" and "a", "bc" differ, and so does the order.
RecordSum& RecordSum::add(std::string_view bytes) {
    sum_ = XXH3_64bits_withSeed(bytes.data(), bytes.size(), sum_ + bytes.size() + 1);
    return *this;
}

bool intact(const Statement& row, int column, std::int64_t sum, std::string_view table, std::string_view key) {
    if (row.is_null(column) || row.integer(column) == sum) return true;
    log(LogLevel::error, "",
        "store: the record " + std::string(key) + " in table " + std::string(table) +
            " is damaged: its checksum is not that of what it holds. It is not used, everything else is. Check the "
            "disk "
            "and the memory of this machine, and restore the record from a backup");
    return false;
}

}  // namespace parley::storage::sqlite
