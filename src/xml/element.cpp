#include "xml/element.hpp"

#include <algorithm>

namespace parley::xml {
namespace {

template <class Attributes>
auto find(Attributes& attributes, std::string_view name, std::string_view ns) {
    return std::find_if(attributes.begin(), attributes.end(),
                        [&](const Attribute& a) { return a.name == name && a.ns == ns; });
}

}  // namespace

void Element::rename(std::string_view ns, std::string_view name) {
    ns_ = ns;
    name_ = name;
}

std::string_view Element::attribute(std::string_view name, std::string_view ns) const {
    const auto found = find(attributes_, name, ns);
    return found == attributes_.end() ? std::string_view{} : std::string_view{found->value};
}

bool Element::has_attribute(std::string_view name, std::string_view ns) const {
    return find(attributes_, name, ns) != attributes_.end();
}

Element& Element::set(std::string_view name, std::string_view value, std::string_view ns) {
    if (const auto found = find(attributes_, name, ns); found != attributes_.end())
        found->value = value;
    else
        attributes_.push_back({std::string(ns), std::string(name), std::string(value)});
    return *this;
}

void Element::remove_attribute(std::string_view name, std::string_view ns) {
    if (const auto found = find(attributes_, name, ns); found != attributes_.end()) attributes_.erase(found);
}

const Element* Element::child(std::string_view ns, std::string_view name) const {
    for (const auto& node : nodes_)
        if (const auto* element = std::get_if<Element>(&node); element && element->is(ns, name)) return element;
    return nullptr;
}

const Element* Element::first_child() const {
    for (const auto& node : nodes_)
        if (const auto* element = std::get_if<Element>(&node)) return element;
    return nullptr;
}

std::vector<const Element*> Element::children() const {
    std::vector<const Element*> found;
    for (const auto& node : nodes_)
        if (const auto* element = std::get_if<Element>(&node)) found.push_back(element);
    return found;
}

std::vector<Element*> Element::mutable_children() {
    std::vector<Element*> found;
    for (auto& node : nodes_)
        if (auto* element = std::get_if<Element>(&node)) found.push_back(element);
    return found;
}

std::size_t Element::child_count() const {
    return static_cast<std::size_t>(std::count_if(
        nodes_.begin(), nodes_.end(), [](const Node& node) { return std::holds_alternative<Element>(node); }));
}

Element& Element::add(Element child) {
    return std::get<Element>(nodes_.emplace_back(std::in_place_type<Element>, std::move(child)));
}

Element& Element::add_text(std::string_view text) {
    if (text.empty()) return *this;
    if (!nodes_.empty())
        if (auto* last = std::get_if<std::string>(&nodes_.back())) {
            last->append(text);
            return *this;
        }
    nodes_.emplace_back(std::in_place_type<std::string>, text);
    return *this;
}

void Element::remove_children(std::string_view ns, std::string_view name) {
    std::erase_if(nodes_, [&](const Node& node) {
        const auto* element = std::get_if<Element>(&node);
        return element && element->is(ns, name);
    });
}

std::string Element::text() const {
    std::string out;
    for (const auto& node : nodes_)
        if (const auto* text = std::get_if<std::string>(&node)) out += *text;
    return out;
}

std::vector<Element> Element::take_children() {
    std::vector<Element> taken;
    taken.reserve(nodes_.size());
    for (auto& node : nodes_)
        if (auto* element = std::get_if<Element>(&node)) taken.push_back(std::move(*element));
    nodes_.clear();
    return taken;
}

}  // namespace parley::xml
