#include "sip/header/cursor.hpp"

#include <array>

#include "base/text.hpp"
#include "sip/limits.hpp"

namespace parley::sip {
namespace {

constexpr auto token_characters = [] {
    std::array<bool, 256> table{};
    for (unsigned c = '0'; c <= '9'; ++c) table[c] = true;
    for (unsigned c = 'a'; c <= 'z'; ++c) table[c] = true;
    for (unsigned c = 'A'; c <= 'Z'; ++c) table[c] = true;
    for (const char c : std::string_view("-.!%*_+`'~")) table[static_cast<unsigned char>(c)] = true;
    return table;
}();

bool is_token_character(char c) {
    return token_characters[static_cast<unsigned char>(c)];
}

}  // namespace

bool is_token(std::string_view text) {
    for (const char c : text)
        if (!is_token_character(c)) return false;
    return !text.empty();
}

void Cursor::skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
}

bool Cursor::accept(char c) {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
}

bool Cursor::accept_spaced(char c) {
    const auto start = at_;
    skip_space();
    if (!accept(c)) {
        at_ = start;
        return false;
    }
    skip_space();
    return true;
}

std::string_view Cursor::token() {
    const auto start = at_;
    while (at_ < text_.size() && is_token_character(text_[at_])) ++at_;
    return since(start);
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

std::string_view Cursor::until_any(std::string_view stops) {
    const auto start = at_;
    // A few stops, and values of some ten bytes: find_first_of() would call a function for each of them.
    const auto stops_here = [&](char c) {
        for (const char stop : stops)
            if (c == stop) return true;
        return false;
    };
    while (at_ < text_.size() && !stops_here(text_[at_])) ++at_;
    return since(start);
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

std::vector<std::string_view> split_list(std::string_view value) {
    std::vector<std::string_view> parts;
    std::size_t start = 0;
    bool quoted = false;
    bool bracketed = false;
    for (std::size_t i = 0; i < value.size() && parts.size() < limit::list_values; ++i) {
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
            parts.push_back(trim(value.substr(start, i - start), " \t"));
            start = i + 1;
        }
    }
    parts.push_back(trim(value.substr(start), " \t"));
    return parts;
}

}  // namespace parley::sip
