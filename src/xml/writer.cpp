#include "xml/writer.hpp"

#include <array>

#include <boost/container/small_vector.hpp>

namespace parley::xml {
namespace {

constexpr std::string_view xml_ns = "http://www.w3.org/XML/1998/namespace";

// What a character is written as; nullptr: as it is. Control characters, which XML has no way to write, are left out.
using Replacements = std::array<const char*, 256>;

constexpr Replacements in_text = [] {
    Replacements table{};
    for (std::size_t c = 0; c < ' '; ++c) table[c] = "";
    table['\t'] = table['\n'] = nullptr;
    table['\r'] = "&#13;";  // a bare one would be read back as a line feed
    table['&'] = "&amp;";
    table['<'] = "&lt;";
    table['>'] = "&gt;";
    table['"'] = "&quot;";
    table['\''] = "&apos;";
    return table;
}();

// The value of an attribute is normalised when it is read: tabs and line ends must be references to survive.
constexpr Replacements in_attribute = [] {
    auto table = in_text;
    table['\t'] = "&#9;";
    table['\n'] = "&#10;";
    return table;
}();

void append_escaped(std::string& out, std::string_view text, const Replacements& table) {
    const char* const end = text.data() + text.size();
    const char* start = text.data();
    for (const char* at = start; at != end; ++at) {
        const char* const replacement = table[static_cast<unsigned char>(*at)];
        if (replacement == nullptr) continue;
        out.append(start, at);
        out += replacement;
        start = at + 1;
    }
    out.append(start, end);
}

void write_attributes(std::string& out, const Element& element) {
    int prefixes = 0;
    for (const auto& attribute : element.attributes()) {
        if (attribute.ns.empty()) {
            write_attribute(out, attribute.name, attribute.value);
        } else if (attribute.ns == xml_ns) {
            write_attribute(out, "xml:" + attribute.name, attribute.value);
        } else {
            const auto prefix = "p" + std::to_string(prefixes++);
            write_attribute(out, "xmlns:" + prefix, attribute.ns);
            write_attribute(out, prefix + ":" + attribute.name, attribute.value);
        }
    }
}

// True when the element is written whole because it has no content.
bool write_open_tag(std::string& out, const Element& element, std::string_view own, std::string_view outer) {
    out += '<';
    out += element.name();
    if (own != outer) write_attribute(out, "xmlns", own);
    write_attributes(out, element);
    if (element.nodes().empty()) {
        out += "/>";
        return true;
    }
    out += '>';
    return false;
}

}  // namespace

void escape(std::string& out, std::string_view text) {
    append_escaped(out, text, in_text);
}

void write_attribute(std::string& out, std::string_view name, std::string_view value) {
    out += ' ';
    out += name;
    out += "='";
    append_escaped(out, value, in_attribute);
    out += '\'';
}

void write(std::string& out, const Element& element, std::string_view ns, std::string_view other) {
    struct Open {
        const Element* element;
        std::size_t next;
    };
    const auto ns_of = [&](const Element& e) {
        return !other.empty() && e.ns() == other ? ns : std::string_view(e.ns());
    };
    if (write_open_tag(out, element, ns_of(element), ns)) return;
    boost::container::small_vector<Open, 8> open{{&element, 0}};
    while (!open.empty()) {
        auto& [current, next] = open.back();
        if (next == current->nodes().size()) {
            out += "</";
            out += current->name();
            out += '>';
            open.pop_back();
            continue;
        }
        const auto& node = current->nodes()[next++];
        if (const auto* text = std::get_if<std::string>(&node)) {
            escape(out, *text);
        } else {
            const auto& child = std::get<Element>(node);
            if (!write_open_tag(out, child, ns_of(child), ns_of(*current))) open.push_back({&child, 0});
        }
    }
}

std::string to_string(const Element& element, std::string_view ns) {
    std::string out;
    write(out, element, ns);
    return out;
}

}  // namespace parley::xml
