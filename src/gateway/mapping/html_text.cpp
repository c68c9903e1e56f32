#include "gateway/mapping/html_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/text.hpp"

namespace parley::gateway {
namespace {

struct Reference {
    std::string_view name, text;
};
constexpr std::array references{
    Reference{"amp", "&"},   Reference{"lt", "<"},   Reference{"gt", ">"},
    Reference{"quot", "\""}, Reference{"apos", "'"}, Reference{"nbsp", " "},
};

constexpr std::array<std::string_view, 16> blocks{"p",  "div", "li", "ul", "ol", "tr", "table", "blockquote",
                                                  "h1", "h2",  "h3", "h4", "h5", "h6", "pre",   "hr"};
constexpr std::array<std::string_view, 4> unseen{"script", "style", "head", "title"};

template <class List>
bool contains(const List& list, std::string_view name) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

bool is_letter(char c) {
    return to_lower(c) >= 'a' && to_lower(c) <= 'z';
}
bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

std::string utf8(std::uint32_t code) {
    if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) code = 0xfffd;
    const auto byte = [](std::uint32_t value) { return static_cast<char>(static_cast<unsigned char>(value)); };
    if (code < 0x80) return {byte(code)};
    if (code < 0x800) return {byte(0xc0 | code >> 6), byte(0x80 | (code & 63))};
    if (code < 0x10000) return {byte(0xe0 | code >> 12), byte(0x80 | (code >> 6 & 63)), byte(0x80 | (code & 63))};
    return {byte(0xf0 | code >> 18), byte(0x80 | (code >> 12 & 63)), byte(0x80 | (code >> 6 & 63)),
            byte(0x80 | (code & 63))};
}

struct Decoded {
    std::string text;
    std::size_t size;  // of the input, "&" and ";" included
};

// The character reference that starts `text`, if it is one.
std::optional<Decoded> reference_at(std::string_view text) {
    constexpr std::size_t longest = 10;
    const auto end = text.substr(0, longest + 2).find(';');
    if (end == std::string_view::npos || end < 2) return std::nullopt;
    auto name = text.substr(1, end - 1);
    if (name[0] != '#') {
        for (const auto& reference : references)
            if (reference.name == name) return Decoded{std::string(reference.text), end + 1};
        return std::nullopt;
    }
    name.remove_prefix(1);
    const bool hex = !name.empty() && to_lower(name[0]) == 'x';
    if (hex) name.remove_prefix(1);
    std::uint32_t code = 0;
    const auto [stop, failed] = std::from_chars(name.data(), name.data() + name.size(), code, hex ? 16 : 10);
    if (failed != std::errc{} || stop != name.data() + name.size() || name.empty()) return std::nullopt;
    return Decoded{utf8(code), end + 1};
}

// The inside of the tag that starts `html`, from behind "<" to before ">"; nothing if it never ends.
std::optional<std::string_view> tag_at(std::string_view html) {
    char quote = 0;
    for (std::size_t i = 1; i < html.size(); ++i) {
        if (quote != 0) {
            if (html[i] == quote) quote = 0;
        } else if (html[i] == '"' || html[i] == '\'') {
            quote = html[i];
        } else if (html[i] == '>') {
            return html.substr(1, i - 1);
        }
    }
    return std::nullopt;
}

std::string decode_references(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        if (const auto reference = text[0] == '&' ? reference_at(text) : std::nullopt) {
            out += reference->text;
            text.remove_prefix(reference->size);
        } else {
            out += text[0];
            text.remove_prefix(1);
        }
    }
    return out;
}

// The value of an attribute of a tag's inside, "" if it has none.
std::string attribute(std::string_view tag, std::string_view name) {
    std::size_t i = 0;
    const auto skip = [&](auto wanted) {
        const auto start = i;
        while (i < tag.size() && wanted(tag[i])) ++i;
        return tag.substr(start, i - start);
    };
    skip([](char c) { return !is_space(c); });  // the tag's own name
    while (i < tag.size()) {
        skip([](char c) { return is_space(c) || c == '/'; });
        const auto key = skip([](char c) { return !is_space(c) && c != '=' && c != '/'; });
        skip(is_space);
        std::string_view value;
        if (i < tag.size() && tag[i] == '=') {
            ++i;
            skip(is_space);
            if (i < tag.size() && (tag[i] == '"' || tag[i] == '\'')) {
                const char quote = tag[i++];
                value = skip([&](char c) { return c != quote; });
                ++i;
            } else {
                value = skip([](char c) { return !is_space(c); });
            }
        } else if (key.empty()) {
            break;
        }
        if (equal_ignoring_case(key, name)) return decode_references(value);
    }
    return {};
}

std::size_t find_ignoring_case(std::string_view text, std::string_view what) {
    const auto found = std::search(text.begin(), text.end(), what.begin(), what.end(),
                                   [](char a, char b) { return to_lower(a) == to_lower(b); });
    return found == text.end() ? std::string_view::npos : static_cast<std::size_t>(found - text.begin());
}

class Converter {
public:
    std::string run(std::string_view html) {
        while (!html.empty()) {
            const auto used = html[0] == '<' && !broken_ ? markup(html) : 0;
            html.remove_prefix(used > 0 ? used : text(html));
        }
        while (!out_.empty() && is_space(out_.back())) out_.pop_back();
        return std::move(out_);
    }

private:
    // How much of `html` was a tag, comment or the like; 0: its "<" is a text.
    std::size_t markup(std::string_view html) {
        if (html.starts_with("<!--")) {
            const auto end = html.find("-->", 4);
            return end == std::string_view::npos ? html.size() : end + 3;
        }
        if (html.size() < 2 || !(is_letter(html[1]) || html[1] == '/' || html[1] == '!' || html[1] == '?')) return 0;
        const auto tag = tag_at(html);
        if (!tag) {
            broken_ = true;  // and no later one can end either: looking again for each would be quadratic
            return 0;
        }
        const bool closing = tag->starts_with('/');
        const auto name_text = tag->substr(closing ? 1 : 0);
        const auto name =
            to_lower(name_text.substr(0, std::min(name_text.find_first_of(" \t\r\n\f/"), name_text.size())));
        const auto size = tag->size() + 2;
        if (!closing && contains(unseen, name)) {
            const auto end = find_ignoring_case(html.substr(size), "</" + name);
            return end == std::string_view::npos ? html.size() : size + end;
        }
        if (name == "br") {
            space_ = false;
            out_ += '\n';
        } else if (contains(blocks, name)) {
            new_line();
            if (name == "li" && !closing) out_ += "- ";
            if (name == "pre") pre_ = !closing;
        } else if (name == "td" || name == "th") {
            space_ = true;
        } else if (name == "img" && !closing) {
            word(attribute(*tag, "alt"));
        } else if (name == "a") {
            closing ? end_link() : begin_link(attribute(*tag, "href"));
        }
        return size;
    }

    std::size_t text(std::string_view html) {
        if (const auto reference = html[0] == '&' ? reference_at(html) : std::nullopt) {
            word(reference->text);
            return reference->size;
        }
        if (!pre_ && is_space(html[0]))
            space_ = true;
        else
            word(html.substr(0, 1));
        return 1;
    }

    void word(std::string_view text) {
        if (text.empty()) return;
        if (space_ && !out_.empty() && out_.back() != '\n') out_ += ' ';
        space_ = false;
        out_ += text;
    }

    void new_line() {
        space_ = false;
        if (!out_.empty() && out_.back() != '\n') out_ += '\n';
    }

    void begin_link(std::string address) {
        link_ = std::move(address);
        link_at_ = out_.size();
    }

    void end_link() {
        const auto link = std::exchange(link_, {});
        const bool useful = link.starts_with("http://") || link.starts_with("https://") || link.starts_with("mailto:");
        if (!useful || std::string_view(out_).substr(link_at_).find(link) != std::string_view::npos) return;
        space_ = false;
        out_.append(" (").append(link).append(")");
    }

    std::string out_, link_;
    std::size_t link_at_ = 0;
    bool space_ = false;  // white space has been seen and not yet written
    bool pre_ = false;
    bool broken_ = false;  // a tag has no end
};

}  // namespace

std::string html_to_text(std::string_view html) {
    return Converter{}.run(html);
}

}  // namespace parley::gateway
