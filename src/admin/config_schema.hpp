#pragma once

#include <filesystem>
#include <optional>
#include <variant>
#include <vector>

#include "admin/config.hpp"
#include "admin/document.hpp"

namespace parley::admin {

// Reads the document into a Config and reports everything in it that is unknown, of the wrong type or out of range.
void apply_schema(const Document& document, const std::filesystem::path& directory, Config& config,
                  std::vector<Problem>& problems);

// Parts of the schema that stand in files of their own.
struct LimitSpec {
    std::string_view name;
    enum class Unit { count, bytes, duration } unit;
    std::int64_t least, most;  // a duration in milliseconds
    std::int64_t (*get)(const Limits&);
    void (*set)(Limits&, std::int64_t);
    std::string_view help;
};
const std::vector<LimitSpec>& limit_specs();

// "30s", "10m", "500ms", "1h", "2d" and "256 KiB", "4 MiB", "16384"; nothing if it is not so.
std::optional<std::int64_t> parse_duration_ms(std::string_view text);
std::optional<std::int64_t> parse_size(std::string_view text);
std::string format_duration(std::int64_t milliseconds);
std::string format_size(std::int64_t bytes);

// A DNS name of letters, digits and hyphens, or of UTF-8 labels (IDNA is applied where it is used).
bool is_domain_name(std::string_view text);

// "127.0.0.1:5222", "[::1]:5222". `default_port` 0: the port must be there.
struct AddressError {
    Message what;
    std::optional<Message> fix;
};
std::variant<Address, AddressError> parse_address(std::string_view text, std::uint16_t default_port = 0);
bool is_numeric_address(const std::string& text);

}  // namespace parley::admin
