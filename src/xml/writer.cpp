#include "xml/writer.hpp"

#include <boost/container/small_vector.hpp>

namespace parley::xml {
namespace {

constexpr std::string_view xml_ns = "http://www.w3.org/XML/1998/namespace";

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
    std::size_t start = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        std::string_view replacement;
        switch (text[i]) {
            case '&': replacement = "&amp;"; break;
            case '<': replacement = "&lt;"; break;
            case '>': replacement = "&gt;"; break;
            case '"': replacement = "&quot;"; break;
            case '\'': replacement = "&apos;"; break;
            case '\r': replacement = "&#13;"; break;  // a bare one would be read back as a line feed
            case '\t':
            case '\n': continue;
            default:
                if (static_cast<unsigned char>(text[i]) >= 0x20) continue;
        }
        out.append(text, start, i - start);
        out += replacement;
        start = i + 1;
    }
    out.append(text, start, text.size() - start);
}

void write_attribute(std::string& out, std::string_view name, std::string_view value) {
    out += ' ';
    out += name;
    out += "='";
    // Attribute values are normalised when read: tabs and line ends must be references to survive.
    if (value.find_first_of("\t\n") == std::string_view::npos) {
        escape(out, value);
    } else {
        for (const char c : value) {
            if (c == '\t')
                out += "&#9;";
            else if (c == '\n')
                out += "&#10;";
            else
                escape(out, std::string_view(&c, 1));
        }
    }
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
