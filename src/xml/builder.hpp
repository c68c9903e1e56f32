#pragma once

#include <string_view>
#include <vector>

#include "xml/element.hpp"

namespace parley::xml {

// Puts expat's events together into elements, without recursion: the open elements are a stack.
class Builder {
public:
    // `expat_name` is "namespace\x01local" or "local"; `attributes` is expat's name/value list, ended by nullptr.
    static Element open(const char* expat_name, const char** attributes);

    void push(Element element) { open_.push_back(std::move(element)); }
    void text(std::string_view text) { open_.back().add_text(text); }
    // Closes the innermost element. Gives it back when it was the outermost, else hangs it into its parent.
    bool pop(Element& finished);
    std::size_t depth() const { return open_.size(); }
    void clear() { open_.clear(); }

private:
    std::vector<Element> open_;
};

inline constexpr char name_separator = '\x01';  // no XML name or namespace can hold it

}  // namespace parley::xml
