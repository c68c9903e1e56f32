#include "admin/toml_scan.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace parley::admin {
namespace {

bool bare(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}
bool digit(char c) {
    return c >= '0' && c <= '9';
}
bool blank(char c) {
    return c == ' ' || c == '\t';
}

constexpr std::array curly{std::string_view("\u201C"), std::string_view("\u201D"), std::string_view("\u2018"),
                           std::string_view("\u2019"), std::string_view("\u300C"), std::string_view("\u300D"),
                           std::string_view("\uFF02")};

// 5222, -1, 1_000, 0xff, 3.5, 1e3, 2026-11-23T00:00:00Z: what TOML lets stand without quotes. Toml11 judges the
// details.
bool numeric(std::string_view word) {
    if (word == "inf" || word == "nan" || word == "+inf" || word == "-inf") return true;
    if (word.starts_with('+') || word.starts_with('-')) word.remove_prefix(1);
    if (word.empty() || !digit(word.front())) return false;
    if (word.starts_with("0x") || word.starts_with("0o") || word.starts_with("0b")) {
        return word.size() > 2 && std::all_of(word.begin() + 2, word.end(), [](char c) {
                   return digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'f') || c == '_';
               });
    }
    if (word.size() >= 10 && word[4] == '-' && word[7] == '-') return true;  // a date
    if (word.size() >= 8 && word[2] == ':' && word[5] == ':') {              // a time of day
        return std::all_of(word.begin(), word.end(), [](char c) { return digit(c) || c == ':' || c == '.'; });
    }
    std::size_t points = 0, exponents = 0;
    for (std::size_t i = 0; i < word.size(); ++i) {
        const char c = word[i];
        if (c == '.')
            ++points;
        else if (c == 'e' || c == 'E')
            ++exponents;
        else if (c == '_' || ((c == '+' || c == '-') && (word[i - 1] == 'e' || word[i - 1] == 'E')))
            continue;
        else if (!digit(c))
            return false;
    }
    return points <= 1 && exponents <= 1 && digit(word.back());
}

std::string_view boolean_meant(std::string_view word) {
    const auto lower = to_lower(word);
    for (const std::string_view yes : {"true", "yes", "on", "enable", "enabled"})
        if (lower == yes) return "true";
    for (const std::string_view no : {"false", "no", "off", "disable", "disabled"})
        if (lower == no) return "false";
    return {};
}

class Scanner {
public:
    explicit Scanner(std::string_view text) {
        // TOML ends lines with LF or CRLF; a lone CR is a control character.
        while (!text.empty()) {
            const auto end = text.find('\n');
            auto line = text.substr(0, end);
            if (line.ends_with('\r')) line.remove_suffix(1);
            lines_.push_back(line);
            if (end == std::string_view::npos) break;
            text.remove_prefix(end + 1);
        }
        bad_.assign(lines_.size(), false);
        mended_.resize(lines_.size());
    }

    TomlScan run() {
        while (line_ < lines_.size() && out_.usable) {
            first_line_ = line_;
            at_ = 0;
            failed_ = false;
            statement();
            if (failed_)
                for (auto i = first_line_; i <= line_ && i < lines_.size(); ++i) bad_[i] = true;
            ++line_;
            if (out_.problems.size() >= config_max_problems) {
                out_.problems.push_back({{"toml.too-many-errors", {}}, {}, std::nullopt, Severity::error, {}});
                break;
            }
        }
        for (std::size_t i = 0; i < lines_.size(); ++i) {
            if (!bad_[i])
                out_.readable += lines_[i];
            else
                out_.readable += mended_[i];
            out_.readable += '\n';
        }
        return std::move(out_);
    }

private:
    std::string_view line() const { return line_ < lines_.size() ? lines_[line_] : std::string_view(); }
    char peek(std::size_t ahead = 0) const { return at_ + ahead < line().size() ? line()[at_ + ahead] : '\0'; }
    bool rest_starts(std::string_view what) const {
        return at_ <= line().size() && line().substr(at_).starts_with(what);
    }
    void skip_blanks() {
        while (blank(peek())) ++at_;
    }
    bool at_end() {  // of what matters on this line
        skip_blanks();
        return at_ >= line().size() || peek() == '#';
    }

    bool fail(Message what, std::size_t from, std::size_t length, std::optional<Message> fix) {
        return fail_at(line_, std::move(what), from, length, std::move(fix));
    }
    bool fail_at(std::size_t where, Message what, std::size_t from, std::size_t length, std::optional<Message> fix) {
        out_.problems.push_back({std::move(what),
                                 {where + 1, from + 1, std::max<std::size_t>(1, length)},
                                 std::move(fix),
                                 Severity::error,
                                 std::string(where < lines_.size() ? lines_[where] : std::string_view())});
        failed_ = true;
        return false;
    }

    void statement() {
        if (at_end()) return;
        if (peek() == '[')
            header();
        else if (key(true)) {
            ++at_;  // '='
            if (value() && !at_end()) trailing();
        }
    }

    void trailing() {
        const auto rest = trim(line().substr(at_));
        const auto junk = rest.substr(0, rest.find_first_of(" \t"));
        if (rest.front() == ',' || rest.front() == ';')
            fail({"toml.after-value", {std::string(rest.substr(0, 1))}}, at_, 1,
                 Message{"fix.remove", {std::string(rest.substr(0, 1))}});
        else
            fail({"toml.after-value", {std::string(junk)}}, at_, rest.size(), Message{"fix.own-line", {}});
    }

    void header() {
        const auto start = at_;
        const bool list = rest_starts("[[");
        at_ += list ? 2 : 1;
        skip_blanks();
        const auto name_start = at_;
        const auto close = std::string(list ? "]]" : "]");
        if (peek() == ']') {
            fail({"toml.header-empty", {}}, start, line().size() - start, Message{"fix.write", {"[listen]"}});
            return;
        }
        const auto kept = out_.problems.size();
        if (!key(false)) {
            // A header that cannot be read still ends the table above it: its keys must not be taken for that one's.
            if (out_.problems.size() > kept) skip_table();
            return;
        }
        const auto name = std::string(trim(line().substr(name_start, at_ - name_start)));
        if (!rest_starts(close)) {
            const auto junk = line().substr(at_);
            fail({"toml.header-unclosed", {}}, start, trim(line().substr(start)).size(),
                 Message{"fix.write", {(list ? "[[" : "[") + name + close}});
            if (junk.find_first_not_of(" \t]") == std::string_view::npos || trim(junk).starts_with('#'))
                mended_[line_] = (list ? "[[" : "[") + name + close;
            else
                skip_table();
            return;
        }
        at_ += close.size();
        if (at_end()) return;
        const bool extra = trim(line().substr(at_)) == "]";
        fail({"toml.after-value", {std::string(trim(line().substr(at_)))}}, at_, line().size() - at_,
             extra ? Message{"fix.remove", {"]"}} : Message{"fix.own-line", {}});
        mended_[line_] = std::string(line().substr(start, at_ - start));
    }

    void skip_table() {
        while (line_ + 1 < lines_.size() && !trim(lines_[line_ + 1]).starts_with('[')) ++line_;
    }

    // A key up to its '=' (not eaten), or up to what ends a header's name.
    bool key(bool with_value) {
        const auto start = at_;
        std::size_t parts = 0;
        for (;;) {
            skip_blanks();
            const auto part = at_;
            if (peek() == '"' || peek() == '\'') {
                if (!string()) return false;
            } else {
                while (bare(peek())) ++at_;
            }
            if (at_ == part) break;
            if (++parts > config_max_depth) return too_deep(start);
            skip_blanks();
            if (peek() != '.') break;
            ++at_;
        }
        const auto end = at_;
        skip_blanks();
        if (!with_value && parts > 0 && (peek() == ']' || at_ >= line().size() || peek() == '#')) return true;
        if (with_value && parts > 0 && peek() == '=') return true;
        const auto whole = line();
        const auto equals = whole.find('=', start);
        if (with_value && equals == start)
            return fail({"toml.no-key", {}}, start, 1, Message{"fix.write", {"name = \"value\""}});
        const auto written = std::string(trim(whole.substr(start, end - start)));
        if (with_value && parts > 0 && peek() == ':') {
            const auto after = std::string(trim(whole.substr(at_ + 1)));
            return fail({"toml.colon", {written}}, at_, 1, Message{"fix.write", {written + " = " + after}});
        }
        if (with_value && parts > 0 && equals == std::string_view::npos) {
            const auto after = std::string(trim(whole.substr(std::min(end, whole.size()))));
            return fail({"toml.no-equals", {written}}, start, trim(whole.substr(start)).size(),
                        Message{"fix.write", {written + " = " + (after.empty() ? "..." : after)}});
        }
        auto stop = with_value ? equals : whole.find(']', start);
        if (stop == std::string_view::npos) stop = whole.size();
        const auto bad = std::string(trim(whole.substr(start, stop - start)));
        return fail({"toml.bad-key", {bad}}, start, bad.size(), Message{"fix.write", {'"' + bad + '"'}});
    }

    bool too_deep(std::size_t from) {
        fail({"file.too-deep", {std::to_string(config_max_depth)}}, from, 1, Message{"fix.flatten", {}});
        out_.usable = false;
        return false;
    }

    // One value; arrays may go over several lines. `open_` holds the brackets that are open: no recursion.
    bool value() {
        open_.clear();
        bool need_value = true;  // else a comma or a bracket must come
        for (;;) {
            if (at_end()) {
                if (open_.empty()) {
                    const auto equals = line().rfind('=', at_);
                    return fail({"toml.no-value", {}}, equals == std::string_view::npos ? 0 : equals, 1,
                                Message{"fix.write", {"= \"...\""}});
                }
                if (open_.back().bracket == '{')
                    return fail({"toml.inline-unclosed", {}}, open_.back().column, 1, Message{"fix.close-with", {"}"}});
                if (line_ + 1 >= lines_.size() || looks_like_statement(lines_[line_ + 1])) return unclosed_array();
                ++line_;
                at_ = 0;
                continue;
            }
            const char c = peek();
            if (!open_.empty() && (c == ']' || c == '}')) {
                if ((c == ']') != (open_.back().bracket == '['))
                    return fail({open_.back().bracket == '[' ? MessageId("toml.array-unclosed")
                                                             : MessageId("toml.inline-unclosed"),
                                 {}},
                                at_, 1, Message{"fix.close-with", {open_.back().bracket == '[' ? "]" : "}"}});
                ++at_;
                open_.pop_back();
                if (open_.empty()) return true;
                need_value = false;
                continue;
            }
            if (!need_value) {
                if (c != ',') return fail({"toml.no-comma", {}}, at_, word_length(), Message{"fix.comma", {}});
                ++at_;
                need_value = true;
                continue;
            }
            if (!open_.empty() && c == ',') return fail({"toml.no-value", {}}, at_, 1, Message{"fix.remove", {","}});
            if (!open_.empty() && open_.back().bracket == '{') {
                if (!key(true)) return false;
                ++at_;
                if (at_end())
                    return fail({"toml.no-value", {}}, at_ == 0 ? 0 : at_ - 1, 1, Message{"fix.write", {"= \"...\""}});
            }
            const char v = peek();
            if (v == '[' || v == '{') {
                if (open_.size() >= config_max_depth) return too_deep(at_);
                open_.push_back({v, line_, at_});
                ++at_;
                continue;
            }
            if (!scalar()) return false;
            if (open_.empty()) return true;
            need_value = false;
        }
    }

    static bool looks_like_statement(std::string_view next) {
        next = trim(next);
        if (next.starts_with('[')) {
            const auto name = trim(next, "[] \t");
            return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return bare(c) || c == '.'; }) &&
                   !digit(name.front());
        }
        std::size_t i = 0;
        while (i < next.size() && bare(next[i])) ++i;
        const auto after = trim(next.substr(i));
        return i > 0 && after.starts_with('=');
    }

    bool unclosed_array() {
        const auto& open = open_.back();
        return fail_at(open.line, {"toml.array-unclosed", {}}, open.column, 1, Message{"fix.close-with", {"]"}});
    }

    std::size_t word_length() const {
        auto end = at_;
        while (end < line().size() && !blank(line()[end]) &&
               std::string_view(",;]}#").find(line()[end]) == std::string_view::npos)
            ++end;
        return end - at_;
    }

    bool scalar() {
        if (peek() == '"' || peek() == '\'') return string();
        for (const auto quote : curly)
            if (rest_starts(quote)) {
                auto inner = std::string(trim(line().substr(at_ + quote.size())));
                for (const auto other : curly)
                    if (const auto end = inner.find(other); end != std::string::npos) inner.resize(end);
                return fail({"toml.curly-quotes", {}}, at_, trim(line().substr(at_)).size(),
                            Message{"fix.plain-quotes", {'"' + inner + '"'}});
            }
        // Outside brackets a word goes on to the comment: `name = My Server` is one slip, not two.
        const auto start = at_;
        const auto length = word_length();
        const auto word = line().substr(start, length);
        at_ += length;
        if (word == "true" || word == "false") return true;
        if (const auto meant = boolean_meant(word); !meant.empty())
            return fail({"toml.bad-boolean", {std::string(word)}}, start, length,
                        Message{"fix.write", {std::string(meant)}});
        if (numeric(word)) {
            const auto digits = word.starts_with('-') || word.starts_with('+') ? word.substr(1) : word;
            const bool leading_zero = digits.size() > 1 && digits[0] == '0' && digit(digits[1]) &&
                                      digits.find_first_of(":-") == std::string_view::npos;
            if (!leading_zero && word.find("__") == std::string_view::npos) return true;
            auto plain = std::string(trim(digits, "0"));
            std::erase(plain, '_');
            return fail({"toml.bad-number", {std::string(word)}}, start, length,
                        Message{"fix.write", {plain.empty() ? "0" : plain}});
        }
        auto whole = word;
        if (open_.empty()) {
            whole = line().substr(start);
            whole = trim(whole.substr(0, whole.find(" #")));
            at_ = start + whole.size();
        } else if (whole.empty()) {
            whole = line().substr(start, 1);
        }
        return fail({"toml.unquoted", {std::string(whole)}}, start, whole.size(),
                    Message{"fix.quote", {'"' + std::string(trim(whole, "\"'")) + '"'}});
    }

    bool string() {
        const char quote = peek();
        const auto start = at_, start_line = line_;
        const bool multi = rest_starts(std::string(3, quote));
        at_ += multi ? 3 : 1;
        for (;;) {
            if (at_ >= line().size()) {
                if (!multi || line_ + 1 >= lines_.size()) {
                    if (multi) {  // nothing behind it can be trusted
                        return fail_at(start_line, {"toml.string-unclosed", {}}, start, 3,
                                       Message{"fix.close-with", {std::string(3, quote)}});
                    }
                    return fail({"toml.string-unclosed", {}}, start, line().size() - start,
                                Message{"fix.close-with", {std::string(1, quote)}});
                }
                ++line_;
                at_ = 0;
                continue;
            }
            const char c = peek();
            if (c == quote && (!multi || rest_starts(std::string(3, quote)))) {
                at_ += multi ? 3 : 1;
                while (multi && peek() == quote) ++at_;  // """" ends with a quote of its own
                return true;
            }
            if (c == '\\' && quote == '"') {
                const char next = peek(1);
                const bool folds = multi && (next == '\0' || blank(next));
                if (!folds && std::string_view("btnfr\"\\uU").find(next) == std::string_view::npos) {
                    const auto escape = std::string(line().substr(at_, next == '\0' ? 1 : 2));
                    return fail({"toml.bad-escape", {escape}}, at_, escape.size(), Message{"fix.escape", {}});
                }
                ++at_;
                if (at_ < line().size()) ++at_;
                continue;
            }
            ++at_;
        }
    }

    struct Open {
        char bracket;
        std::size_t line, column;
    };

    std::vector<std::string_view> lines_;
    std::vector<bool> bad_;
    std::vector<std::string> mended_;
    std::vector<Open> open_;
    std::size_t line_ = 0, at_ = 0, first_line_ = 0;
    bool failed_ = false;
    TomlScan out_;
};

Problem of_file(MessageId id, std::vector<std::string> args, std::optional<Message> fix) {
    return {{id, std::move(args)}, {}, std::move(fix), Severity::error, {}};
}

// The first byte that is not text, if any. Comments too: what hides there would hide from the reader's eye.
std::optional<Problem> not_text(std::string_view text) {
    std::size_t number = 1;
    while (!text.empty()) {
        const auto end = text.find('\n');
        auto line = text.substr(0, end);
        if (line.ends_with('\r')) line.remove_suffix(1);
        const auto bad = std::find_if(line.begin(), line.end(), [](char c) {
            const auto byte = static_cast<unsigned char>(c);
            return (byte < 0x20 && c != '\t') || byte == 0x7F;
        });
        const auto column = static_cast<std::size_t>(bad - line.begin()) + 1;
        if (bad != line.end()) {
            return Problem{{"file.control-character", {hex_encode(std::string_view(&*bad, 1))}},
                           {number, column, 1},
                           Message{"fix.save-utf8", {}},
                           Severity::error,
                           std::string(line)};
        }
        if (!is_utf8(line)) {
            std::size_t good = 0;  // the longest prefix that is well-formed; lines are short and this is the error path
            for (std::size_t i = 1; i <= std::min<std::size_t>(line.size(), 4096); ++i)
                if (is_utf8(line.substr(0, i))) good = i;
            return Problem{{"file.not-utf8", {}},
                           {number, good + 1, 1},
                           Message{"fix.save-utf8", {}},
                           Severity::error,
                           std::string(line)};
        }
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
        ++number;
    }
    return std::nullopt;
}

}  // namespace

TomlScan scan_toml(std::string_view text) {
    TomlScan unusable;
    unusable.usable = false;
    if (text.size() > config_max_bytes) {
        unusable.problems.push_back(
            of_file("file.too-large", {std::to_string(config_max_bytes / 1024)}, Message{"fix.init", {}}));
        return unusable;
    }
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    if (auto problem = not_text(text)) {
        unusable.problems.push_back(*std::move(problem));
        return unusable;
    }
    if (trim(text).empty()) {
        unusable.problems.push_back(of_file("file.empty", {}, Message{"fix.init", {}}));
        return unusable;
    }
    return Scanner(text).run();
}

}  // namespace parley::admin
