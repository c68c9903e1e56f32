#include "gateway/mapping/html_text.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "gateway/mapping/html_lexer.hpp"

namespace parley::gateway {
namespace {

using namespace html;

constexpr std::array<std::string_view, 16> blocks{"p",  "div", "li", "ul", "ol", "tr", "table", "blockquote",
                                                  "h1", "h2",  "h3", "h4", "h5", "h6", "pre",   "hr"};
constexpr std::array<std::string_view, 4> unseen{"script", "style", "head", "title"};

template <class List>
bool contains(const List& list, std::string_view name) {
    return std::find(list.begin(), list.end(), name) != list.end();
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
        if (const auto comment = comment_at(html); comment > 0) return comment;
        if (!may_be_tag(html)) return 0;
        const auto tag = tag_at(html);
        if (!tag) {
            broken_ = true;  // and no later one can end either: looking again for each would be quadratic
            return 0;
        }
        const bool closing = tag->starts_with('/');
        const auto name = name_of(*tag);
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
