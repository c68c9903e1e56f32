#include "tests/scenario/match.hpp"

#include <vector>

#include "base/text.hpp"

namespace parley::test {
namespace {

struct Piece {
    bool placeholder;
    std::string text;
};

bool is_word(std::string_view text) {
    return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos;
}

std::vector<Piece> pieces_of(std::string_view pattern) {
    std::vector<Piece> pieces;
    std::string plain;
    while (!pattern.empty()) {
        const auto end = pattern.front() == '{' ? pattern.find('}') : std::string_view::npos;
        if (end != std::string_view::npos && is_word(pattern.substr(1, end - 1))) {
            if (!plain.empty()) pieces.push_back({false, std::exchange(plain, {})});
            pieces.push_back({true, std::string(pattern.substr(1, end - 1))});
            pattern.remove_prefix(end + 1);
        } else {
            plain += pattern.front();
            pattern.remove_prefix(1);
        }
    }
    if (!plain.empty()) pieces.push_back({false, plain});
    return pieces;
}

bool is_stanza(const xml::Element& element) {
    return element.name() == "message" || element.name() == "presence" || element.name() == "iq";
}

}  // namespace

bool matches_text(std::string_view pattern, std::string_view text, Variables& variables) {
    auto found = variables;
    const auto pieces = pieces_of(fill_in(pattern, variables));
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        if (!pieces[i].placeholder) {
            if (!text.starts_with(pieces[i].text)) return false;
            text.remove_prefix(pieces[i].text.size());
            continue;
        }
        // Up to the next plain text; the last plain text must be the end.
        std::size_t end = text.size();
        if (i + 1 < pieces.size())
            end = i + 2 == pieces.size() ? text.rfind(pieces[i + 1].text) : text.find(pieces[i + 1].text);
        if (end == std::string_view::npos) return false;
        if (pieces[i].text != "any") {
            if (end == 0) return false;
            found[pieces[i].text] = text.substr(0, end);
        }
        text.remove_prefix(end);
    }
    if (!text.empty()) return false;
    variables = std::move(found);
    return true;
}

std::string fill_in(std::string_view pattern, const Variables& variables) {
    std::string out;
    for (const auto& piece : pieces_of(pattern)) {
        const auto known = piece.placeholder ? variables.find(piece.text) : variables.end();
        if (!piece.placeholder)
            out += piece.text;
        else
            out += known == variables.end() ? '{' + piece.text + '}' : known->second;
    }
    return out;
}

std::string mismatch(const xml::Element& expected, const xml::Element& actual, Variables& variables) {
    auto found = variables;
    std::vector<std::pair<const xml::Element*, const xml::Element*>> pairs{{&expected, &actual}};
    while (!pairs.empty()) {
        const auto [want, have] = pairs.back();
        pairs.pop_back();
        const auto where = '<' + want->name() + '>';
        if (want->name() != have->name() || want->ns() != have->ns())
            return where + " is <" + have->name() + " xmlns='" + have->ns() + "'>";
        if (is_stanza(*want) && !want->has_attribute("type") && have->has_attribute("type"))
            return where + " is of type " + std::string(have->attribute("type"));
        for (const auto& attribute : want->attributes())
            if (!have->has_attribute(attribute.name, attribute.ns) ||
                !matches_text(attribute.value, have->attribute(attribute.name, attribute.ns), found))
                return where + " has " + attribute.name + "='" +
                       std::string(have->attribute(attribute.name, attribute.ns)) + '\'';
        const auto text = std::string(trim(want->text()));
        if (!text.empty() && !matches_text(text, trim(have->text()), found))
            return where + " holds \"" + have->text() + '"';
        const auto children = have->children();
        std::size_t next = 0;
        for (const auto* child : want->children()) {
            while (next < children.size() &&
                   !(children[next]->name() == child->name() && (children[next]->ns() == child->ns())))
                ++next;
            if (next == children.size()) return where + " has no <" + child->name() + " xmlns='" + child->ns() + "'>";
            pairs.emplace_back(child, children[next++]);
        }
    }
    variables = std::move(found);
    return {};
}

}  // namespace parley::test
