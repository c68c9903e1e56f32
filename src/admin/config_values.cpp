#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cmath>

#include "admin/config_schema.hpp"
#include "base/text.hpp"

namespace parley::admin {
namespace {

struct UnitName {
    std::string_view name;
    std::int64_t factor;
};
constexpr std::array duration_units{UnitName{"ms", 1}, UnitName{"s", 1000}, UnitName{"m", 60'000},
                                    UnitName{"h", 3'600'000}, UnitName{"d", 86'400'000}};
constexpr std::array size_units{UnitName{"", 1}, UnitName{"B", 1}, UnitName{"KiB", 1024}, UnitName{"MiB", 1024 * 1024},
                                UnitName{"GiB", 1024 * 1024 * 1024}};

template <std::size_t N>
std::optional<std::int64_t> with_unit(std::string_view text, const std::array<UnitName, N>& units) {
    const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto number = parse_number<std::int64_t>(text.substr(0, digits));
    const auto unit = trim(text.substr(digits));
    const auto found = std::find_if(units.begin(), units.end(), [&](const UnitName& u) { return u.name == unit; });
    // 10^12 of the largest unit still fits; a person who needs more has made a mistake.
    if (!number || found == units.end() || *number > 1'000'000'000'000 / found->factor) return std::nullopt;
    return *number * found->factor;
}

template <std::size_t N>
std::string shortest(std::int64_t value, const std::array<UnitName, N>& units, std::string_view between) {
    for (auto unit = units.rbegin(); unit != units.rend(); ++unit)
        if (value != 0 && value % unit->factor == 0)
            return std::to_string(value / unit->factor) +
                   (unit->name.empty() ? "" : std::string(between) + std::string(unit->name));
    return std::to_string(value) + (units.front().name.empty() ? "" : std::string(units.front().name));
}

}  // namespace

std::optional<std::int64_t> parse_duration_ms(std::string_view text) {
    return with_unit(trim(text), duration_units);
}
std::optional<std::int64_t> parse_size(std::string_view text) {
    return with_unit(trim(text), size_units);
}
std::string format_duration(std::int64_t milliseconds) {
    return shortest(milliseconds, duration_units, "");
}
std::string format_size(std::int64_t bytes) {
    return shortest(bytes, size_units, " ");
}

bool is_numeric_address(const std::string& text) {
    std::array<unsigned char, 16> buffer{};
    return inet_pton(AF_INET, text.c_str(), buffer.data()) == 1 ||
           inet_pton(AF_INET6, text.c_str(), buffer.data()) == 1;
}

bool is_domain_name(std::string_view text) {
    if (text.empty() || text.size() > 253 || !is_utf8(text)) return false;
    for (const auto label : split(text, '.')) {
        if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
        for (const char c : label) {
            const auto byte = static_cast<unsigned char>(c);
            const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
            if (!letter && c != '-' && byte < 0x80) return false;
        }
    }
    return true;
}

std::variant<Address, AddressError> parse_address(std::string_view text, std::uint16_t default_port) {
    const auto written = std::string(text);
    auto host = trim(text);
    std::string_view port;
    bool has_port = false;
    if (host.starts_with('[')) {
        const auto close = host.find(']');
        if (close == std::string_view::npos)
            return AddressError{{"config.bad-address", {written}}, Message{"fix.address-form", {}}};
        const auto after = host.substr(close + 1);
        host = host.substr(1, close - 1);
        if (after.starts_with(':')) {
            has_port = true;
            port = after.substr(1);
        } else if (!after.empty()) {
            return AddressError{{"config.bad-address", {written}}, Message{"fix.address-form", {}}};
        }
    } else if (const auto colons = std::count(host.begin(), host.end(), ':'); colons == 1) {
        const auto at = host.find(':');
        has_port = true;
        port = host.substr(at + 1);
        host = host.substr(0, at);
    } else if (colons > 1) {
        // An IPv6 address without brackets: if what stands before the last colon is one, the rest is meant as the port.
        const auto at = host.rfind(':');
        const auto before = std::string(host.substr(0, at));
        if (default_port == 0 && is_numeric_address(before) && parse_number<std::uint16_t>(host.substr(at + 1)))
            return AddressError{{"config.bad-address", {written}},
                                Message{"fix.write", {"\"[" + before + "]:" + std::string(host.substr(at + 1)) + '"'}}};
    }
    auto address = std::string(host);
    if (address == "*" || (address.empty() && has_port))
        return AddressError{
            {"config.bad-address", {written}},
            Message{"fix.write-either", {"\"0.0.0.0:" + std::string(port) + '"', "\"[::]:" + std::string(port) + '"'}}};
    if (!is_numeric_address(address)) {
        if (to_lower(address) == "localhost")
            return AddressError{
                {"config.address-is-a-name", {address}},
                Message{"fix.write-either",
                        {"\"127.0.0.1:" + std::string(port) + '"', "\"[::1]:" + std::string(port) + '"'}}};
        if (parse_number<std::uint16_t>(address) && !has_port)
            return AddressError{{"config.bad-address", {written}},
                                Message{"fix.write-either", {"\"0.0.0.0:" + address + '"', "\"[::]:" + address + '"'}}};
        const bool name = is_domain_name(address) && address.find_first_not_of("0123456789.") != std::string::npos;
        return AddressError{{name ? MessageId("config.address-is-a-name") : MessageId("config.bad-address"),
                             {name ? address : written}},
                            Message{"fix.address-form", {}}};
    }
    Address result{address, default_port, {}};
    if (has_port) {
        const auto number = parse_number<std::int64_t>(port);
        if (!number || *number < 1 || *number > 65535)
            return AddressError{{"config.bad-port", {std::string(port)}}, Message{"fix.range", {"1", "65535"}}};
        result.port = static_cast<std::uint16_t>(*number);
    } else if (default_port == 0) {
        const bool six = address.find(':') != std::string::npos;
        return AddressError{{"config.bad-address", {written}},
                            Message{"fix.write", {six ? "\"[" + address + "]:5222\"" : '"' + address + ":5222\""}}};
    }
    return result;
}

}  // namespace parley::admin
