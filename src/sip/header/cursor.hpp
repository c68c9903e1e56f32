#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley::sip {

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

    void skip_space();
    bool accept(char c);         // exactly here
    bool accept_spaced(char c);  // with white space around, as SEMI, COMMA, EQUAL, SLASH have it
    std::string_view token();    // "" if there is none
    // A quoted string with its quotes; nothing if there is none or it is not well-formed.
    std::optional<std::string_view> quoted();
    std::string_view until_any(std::string_view stops);

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

}  // namespace parley::sip
