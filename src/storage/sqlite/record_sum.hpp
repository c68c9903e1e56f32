#pragma once

#include <cstdint>
#include <string_view>

#include "storage/sqlite/connection.hpp"

namespace parley::storage::sqlite {

// SQLite notices a torn page, not a changed one: a bit that flips on disk or in memory comes back as a value that looks
// good. So each record of a user has the sum of its values beside it, its key among them, made when it is written and
// compared when it is read. Against damage, not against somebody who edits the file.
class RecordSum {
public:
    RecordSum& add(std::int64_t value);
    RecordSum& add(std::string_view bytes);
    std::int64_t value() const { return static_cast<std::int64_t>(sum_); }

private:
    std::uint64_t sum_ = 0;
};

template <class... Values>
std::int64_t record_sum(const Values&... values) {
    RecordSum sum;
    (sum.add(values), ...);
    return sum.value();
}

// Whether the row's sum, in `column`, is this one. A row without a sum is from before there were any. If not, the
// log names the record: `key` is what an administrator knows it by.
bool intact(const Statement& row, int column, std::int64_t sum, std::string_view table, std::string_view key);

}  // namespace parley::storage::sqlite
