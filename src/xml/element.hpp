#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace parley::xml {

// An expanded name: namespace and local part.
struct Name {
    std::string_view ns;
    std::string_view local;
    constexpr bool operator==(const Name&) const = default;
};

struct Attribute {
    std::string ns;  // empty for the usual unprefixed attribute
    std::string name;
    std::string value;
    bool operator==(const Attribute&) const = default;
};

// One element as a value: name, attributes, and children (elements and text in their order). No prefixes: the writer
// declares what is needed. Parsed once; routing and re-serialising use the same value, so nothing can be smuggled
// between them.
class Element {
public:
    using Node = std::variant<Element, std::string>;

    Element() = default;
    Element(std::string_view ns, std::string_view name) : ns_(ns), name_(name) {}
    explicit Element(Name name) : ns_(name.ns), name_(name.local) {}

    const std::string& ns() const { return ns_; }
    const std::string& name() const { return name_; }
    bool is(std::string_view ns, std::string_view name) const { return name_ == name && ns_ == ns; }
    bool is(Name name) const { return is(name.ns, name.local); }
    void rename(std::string_view ns, std::string_view name);

    // Empty when absent; has_attribute() tells absent from empty.
    std::string_view attribute(std::string_view name, std::string_view ns = {}) const;
    bool has_attribute(std::string_view name, std::string_view ns = {}) const;
    Element& set(std::string_view name, std::string_view value, std::string_view ns = {});
    void remove_attribute(std::string_view name, std::string_view ns = {});
    void reserve_attributes(std::size_t count) { attributes_.reserve(count); }
    const std::vector<Attribute>& attributes() const { return attributes_; }

    const std::vector<Node>& nodes() const { return nodes_; }
    const Element* child(std::string_view ns, std::string_view name) const;  // the first, or nullptr
    const Element* child(Name name) const { return child(name.ns, name.local); }
    const Element* first_child() const;  // the first element child of any name
    std::vector<const Element*> children() const;
    std::vector<Element*> mutable_children();
    std::size_t child_count() const;
    Element& add(Element child);         // returns the child as it now stands here
    Element& set_child(Element child) {  // add(), for chains: returns *this
        add(std::move(child));
        return *this;
    }
    Element& add_text(std::string_view text);  // returns *this
    Element& with_text(std::string_view text) { return add_text(text); }
    void remove_children(std::string_view ns, std::string_view name);
    std::vector<Element> take_children();  // moves the element children out; text goes
    std::string text() const;              // own text nodes joined, not those of children

    bool operator==(const Element&) const = default;

private:
    std::string ns_, name_;
    std::vector<Attribute> attributes_;
    std::vector<Node> nodes_;
};

}  // namespace parley::xml
