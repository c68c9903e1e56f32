#include "admin/trust_anchor.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/text.hpp"

namespace parley::admin {
namespace {

constexpr std::size_t largest_file = std::size_t{64} * 1024;

std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> words;
    line = line.substr(0, line.find(';'));
    while (!(line = trim(line)).empty()) {
        const auto end = std::min(line.find_first_of(" \t"), line.size());
        words.push_back(line.substr(0, end));
        line.remove_prefix(end);
    }
    return words;
}

bool small_number(std::string_view word, unsigned most) {
    const auto number = parse_number<unsigned>(word);
    return number && *number <= most;
}

// RFC 4034 2.2 and 5.3, on one line: owner, perhaps TTL and class, type, three numbers, data that may have spaces.
bool is_anchor(const std::vector<std::string_view>& words) {
    std::size_t at = 1;
    while (at < words.size() && (parse_number<std::uint32_t>(words[at]) || equal_ignoring_case(words[at], "IN"))) ++at;
    if (at + 4 >= words.size()) return false;
    const bool ds = equal_ignoring_case(words[at], "DS"), key = equal_ignoring_case(words[at], "DNSKEY");
    if (!ds && !key) return false;
    if (!small_number(words[at + 1], 65'535) || !small_number(words[at + 2], 255) || !small_number(words[at + 3], 255))
        return false;
    std::string data;
    for (auto i = at + 4; i < words.size(); ++i) data += words[i];
    return ds ? hex_decode(data).has_value() : base64_decode(data).has_value();
}

}  // namespace

std::optional<std::size_t> count_trust_anchors(std::string_view text) {
    std::size_t count = 0;
    for (const auto line : split(text, '\n')) {
        const auto words = words_of(line);
        if (words.empty()) continue;
        if (!is_anchor(words)) return std::nullopt;
        ++count;
    }
    return count;
}

std::optional<Message> check_trust_anchor(const std::filesystem::path& path) {
    std::error_code failed;
    if (!std::filesystem::exists(path, failed)) return Message{"config.anchor-missing", {path.string()}};
    errno = 0;
    std::ifstream in(path, std::ios::binary);
    std::string text(largest_file + 1, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
    if (in.bad() || std::filesystem::is_directory(path, failed) || (!in.eof() && text.empty()))
        return Message{"config.anchor-unreadable", {path.string(), std::strerror(errno == 0 ? EISDIR : errno)}};
    if (text.size() > largest_file || count_trust_anchors(text).value_or(0) == 0)
        return Message{"config.anchor-not-records", {path.string()}};
    return std::nullopt;
}

}  // namespace parley::admin
