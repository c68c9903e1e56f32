#include "gateway/mapping/html_xhtml.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "base/text.hpp"
#include "gateway/mapping/html_lexer.hpp"
#include "gateway/mapping/text.hpp"
#include "xmpp/ns.hpp"

namespace parley::gateway {
namespace {

using namespace html;
namespace ns = xmpp::ns;

constexpr std::size_t most_open = 16;        // elements within elements; deeper ones only lend their text
constexpr std::size_t most_elements = 1000;  // in all
constexpr std::size_t longest_value = 64, longest_address = 2048;

// What an HTML element becomes; those not listed lend their text.
struct Row {
    std::string_view html, xhtml, style;
    bool block = false;
};
constexpr std::array rows{
    Row{"a", "a", ""},
    Row{"b", "strong", ""},
    Row{"blockquote", "blockquote", "", true},
    Row{"cite", "cite", ""},
    Row{"del", "span", "text-decoration: line-through"},
    Row{"div", "p", "", true},
    Row{"em", "em", ""},
    Row{"font", "span", ""},
    Row{"i", "em", ""},
    Row{"li", "li", "", true},
    Row{"ol", "ol", "", true},
    Row{"p", "p", "", true},
    Row{"s", "span", "text-decoration: line-through"},
    Row{"span", "span", ""},
    Row{"strike", "span", "text-decoration: line-through"},
    Row{"strong", "strong", ""},
    Row{"u", "span", "text-decoration: underline"},
    Row{"ul", "ul", "", true},
};
constexpr std::array<std::string_view, 10> properties{
    "background-color", "color",       "font-family",  "font-size",  "font-style",
    "font-weight",      "margin-left", "margin-right", "text-align", "text-decoration",
};
constexpr std::array<std::string_view, 4> unseen{"script", "style", "head", "title"};

const Row* row_of(std::string_view name) {
    const auto found = std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.html == name; });
    return found == rows.end() ? nullptr : &*found;
}

// Words, numbers, colours: nothing that could name a resource or call anything.
bool is_plain_value(std::string_view value) {
    return !value.empty() && value.size() <= longest_value && std::all_of(value.begin(), value.end(), [](char c) {
        return is_letter(c) || (c >= '0' && c <= '9') || c == ' ' || c == '#' || c == '%' || c == '.' || c == ',' ||
               c == '-';
    });
}

void add_style(std::string& out, std::string_view property, std::string_view value) {
    if (!is_plain_value(value)) return;
    if (!out.empty()) out += "; ";
    out.append(property).append(": ").append(value);
}

std::string style_of(std::string_view tag, const Row& row) {
    std::string out(row.style);
    const auto written = attribute(tag, "style");
    for (const auto part : split(written, ';')) {
        const auto colon = part.find(':');
        if (colon == std::string_view::npos) continue;
        const auto property = to_lower(trim(part.substr(0, colon)));
        auto value = std::string(trim(part.substr(colon + 1)));
        std::erase_if(value, [](char c) { return c == '\'' || c == '"'; });
        if (std::find(properties.begin(), properties.end(), property) != properties.end())
            add_style(out, property, value);
    }
    if (row.html == "font") {
        add_style(out, "color", attribute(tag, "color"));
        add_style(out, "font-family", attribute(tag, "face"));
    }
    return out;
}

bool is_safe_address(std::string_view address) {
    if (address.size() > longest_address || !is_utf8(address)) return false;
    const auto lower = to_lower(address.substr(0, 8));
    return lower.starts_with("http://") || lower.starts_with("https://") || lower.starts_with("mailto:");
}

class Builder {
public:
    Builder() { open_.push_back({xml::Element(ns::xhtml, "body"), "body"}); }

    std::optional<xml::Element> run(std::string_view html) {
        while (!html.empty()) {
            const auto used = html[0] == '<' && !broken_ ? markup(html) : 0;
            html.remove_prefix(used > 0 ? used : text(html));
        }
        while (open_.size() > 1) close();
        flush();
        if (!styled_) return {};
        xml::Element root(ns::xhtml_im, "html");
        root.add(std::move(open_.front().element));
        return root;
    }

private:
    struct Open {
        xml::Element element;
        std::string html;  // the name that closes it
    };

    std::size_t markup(std::string_view html) {
        if (const auto comment = comment_at(html); comment > 0) return comment;
        if (!may_be_tag(html)) return 0;
        const auto tag = tag_at(html);
        if (!tag) {
            broken_ = true;
            return 0;
        }
        const bool closing = tag->starts_with('/');
        const auto name = name_of(*tag);
        const auto size = tag->size() + 2;
        if (!closing && std::find(unseen.begin(), unseen.end(), name) != unseen.end()) {
            const auto end = find_ignoring_case(html.substr(size), "</" + name);
            return end == std::string_view::npos ? html.size() : size + end;
        }
        if (name == "br") {
            add_empty("br");
        } else if (name == "img" && !closing) {
            text_ += attribute(*tag, "alt");
        } else if (const auto* row = row_of(name)) {
            closing ? end(name) : begin(*tag, name, *row);
        } else if (name == "tr" || name == "td" || name == "th") {
            if (!text_.empty() && text_.back() != ' ') text_ += ' ';
        }
        return size;
    }

    std::size_t text(std::string_view html) {
        if (const auto reference = html[0] == '&' ? reference_at(html) : std::nullopt) {
            text_ += reference->text;
            return reference->size;
        }
        if (!is_space(html[0]))
            text_ += html[0];
        else if (text_.empty() || text_.back() != ' ')
            text_ += ' ';
        return 1;
    }

    void begin(std::string_view tag, const std::string& name, const Row& row) {
        if (open_.size() >= most_open || elements_ >= most_elements) return;
        // A paragraph within a paragraph, or an item within an item, is the next one.
        if (row.xhtml == "p" || row.xhtml == "li")
            if (open_.back().element.name() == row.xhtml) close();
        flush();
        xml::Element element(ns::xhtml, row.xhtml);
        if (row.xhtml == "a") {
            const auto address = attribute(tag, "href");
            if (!is_safe_address(address))
                element.rename(ns::xhtml, "span");
            else
                element.set("href", to_xml_text(address));
        } else if (const auto style = style_of(tag, row); !style.empty()) {
            element.set("style", style);
        }
        const bool plain = (row.xhtml == "p" || element.name() == "span") && element.attributes().empty();
        styled_ = styled_ || !plain;
        ++elements_;
        open_.push_back({std::move(element), name});
    }

    void end(std::string_view name) {
        const auto found =
            std::find_if(open_.rbegin(), open_.rend(), [&](const Open& open) { return open.html == name; });
        if (found == open_.rend()) return;
        for (auto count = found - open_.rbegin(); count >= 0; --count) close();
    }

    void close() {
        flush();
        auto done = std::move(open_.back().element);
        open_.pop_back();
        open_.back().element.add(std::move(done));
    }

    void add_empty(std::string_view name) {
        if (elements_++ >= most_elements) return;
        flush();
        open_.back().element.add(xml::Element(ns::xhtml, name));
    }

    void flush() {
        const auto said = to_xml_text(std::exchange(text_, {}));
        if (!said.empty()) open_.back().element.add_text(said);
    }

    std::vector<Open> open_;
    std::string text_;
    std::size_t elements_ = 0;
    bool styled_ = false;  // there is something that plain text does not say
    bool broken_ = false;  // a tag has no end
};

}  // namespace

std::optional<xml::Element> html_to_xhtml(std::string_view html) {
    return Builder{}.run(html);
}

}  // namespace parley::gateway
