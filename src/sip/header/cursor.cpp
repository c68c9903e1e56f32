#include "sip/header/cursor.hpp"

#include "base/text.hpp"
#include "sip/limits.hpp"

namespace parley::sip {
bool is_token(std::string_view text) {
    for (const char c : text)
        if (!is_token_character(c)) return false;
    return !text.empty();
}

std::optional<std::string_view> Cursor::quoted() {
    const auto start = at_;
    if (!accept('"')) return {};
    while (!at_end()) {
        const char c = text_[at_++];
        if (c == '"') return since(start);
        if (c == '\\') {  // quoted-pair: any ASCII but CR and LF, which the framer has refused
            if (at_end() || static_cast<unsigned char>(text_[at_]) > 0x7f) break;
            ++at_;
        } else if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) {
            break;
        }
    }
    at_ = start;
    return {};
}

std::string unquote(std::string_view text) {
    if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::string(text);
    std::string out;
    for (std::size_t i = 1; i + 1 < text.size(); ++i) {
        if (text[i] == '\\' && i + 2 < text.size()) ++i;
        out += text[i];
    }
    return out;
}

std::string quote(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) continue;
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out += '"';
}

namespace {

// Where the top-level comma at or behind `from` is; the end of the text if there is none.
std::size_t next_comma(std::string_view value, std::size_t from) {
    bool quoted = false;
    bool bracketed = false;
    for (std::size_t i = from; i < value.size(); ++i) {
        const char c = value[i];
        if (quoted) {
            if (c == '\\')
                ++i;
            else if (c == '"')
                quoted = false;
        } else if (bracketed) {
            if (c == '>') bracketed = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '<') {
            bracketed = true;
        } else if (c == ',') {
            return i;
        }
    }
    return value.size();
}

}  // namespace

std::vector<std::string_view> split_list(std::string_view value) {
    std::vector<std::string_view> parts;
    std::size_t start = 0;
    while (parts.size() < limit::list_values) {
        const auto comma = next_comma(value, start);
        if (comma == value.size()) break;
        parts.push_back(trim(value.substr(start, comma - start), " \t"));
        start = comma + 1;
    }
    parts.push_back(trim(value.substr(start), " \t"));
    return parts;
}

std::string_view first_of_list(std::string_view value) {
    return trim(value.substr(0, next_comma(value, 0)), " \t");
}

}  // namespace parley::sip
