#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley::sip {

namespace detail {
inline constexpr auto token_characters = [] {
    std::array<bool, 256> table{};
    for (unsigned c = '0'; c <= '9'; ++c) table[c] = true;
    for (unsigned c = 'a'; c <= 'z'; ++c) table[c] = true;
    for (unsigned c = 'A'; c <= 'Z'; ++c) table[c] = true;
    for (const char c : std::string_view("-.!%*_+`'~")) table[static_cast<unsigned char>(c)] = true;
    return table;
}();
}  // namespace detail

inline bool is_token_character(char c) {
    return detail::token_characters[static_cast<unsigned char>(c)];
}
bool is_token(std::string_view text);  // RFC 3261 25.1, at least one character

// Walks through one header value. White space is what is left of LWS after unfolding: spaces and tabs.
class Cursor {
public:
    explicit Cursor(std::string_view text) : text_(text) {}

    bool at_end() const { return at_ == text_.size(); }
    char peek() const { return at_end() ? '\0' : text_[at_]; }
    std::size_t position() const { return at_; }
    void seek(std::size_t position) { at_ = position; }
    std::string_view rest() const { return text_.substr(at_); }
    std::string_view since(std::size_t position) const { return text_.substr(position, at_ - position); }

    // The small steps are here so that they can be part of their callers: each header value is made of dozens of them.
    void skip_space() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
    }
    bool accept(char c) {  // exactly here
        if (at_end() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    bool accept_spaced(char c) {  // with white space around, as SEMI, COMMA, EQUAL, SLASH have it
        const auto start = at_;
        skip_space();
        if (!accept(c)) {
            at_ = start;
            return false;
        }
        skip_space();
        return true;
    }
    template <class Belongs>
    std::string_view while_it(Belongs belongs) {
        const auto start = at_;
        while (at_ < text_.size() && belongs(text_[at_])) ++at_;
        return since(start);
    }
    std::string_view token() { return while_it(is_token_character); }  // "" if there is none
    // A quoted string with its quotes; nothing if there is none or it is not well-formed.
    std::optional<std::string_view> quoted();
    std::string_view until_any(std::string_view stops) {  // a few of them
        return while_it([stops](char c) {
            for (const char stop : stops)
                if (c == stop) return false;
            return true;
        });
    }

private:
    std::string_view text_;
    std::size_t at_ = 0;
};

// The text inside a quoted string that Cursor::quoted() gave; any other text is returned as it is.
std::string unquote(std::string_view text);
std::string quote(std::string_view text);  // control characters are left out

// Splits a header value at its top-level commas (not those in quotes or angle brackets). Empty elements are kept: the
// caller decides whether they are an error. At most limit::list_values.
std::vector<std::string_view> split_list(std::string_view value);
std::string_view first_of_list(std::string_view value);

}  // namespace parley::sip
