#include "gateway/mapping/html_xhtml.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "xml/parser.hpp"
#include "xml/writer.hpp"

namespace {

constexpr std::string_view xhtml = "http://www.w3.org/1999/xhtml";
constexpr std::array<std::string_view, 13> elements{"a",  "blockquote", "body", "br",     "cite", "em",  "li",
                                                    "ol", "p",          "span", "strong", "ul",   "html"};

bool is_harmless(const parley::xml::Attribute& attribute) {
    if (attribute.name == "style") return attribute.value.find_first_of("(<>&\"'\\") == std::string::npos;
    if (attribute.name != "href") return false;
    const auto scheme = attribute.value.substr(0, attribute.value.find(':'));
    return scheme.size() <= 6;  // http, https, mailto in any case
}

}  // namespace

// Whatever comes in, what comes out is small, well-formed, and of the profile only.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    using namespace parley;
    const auto root = gateway::html_to_xhtml({reinterpret_cast<const char*>(data), size});
    if (!root) return 0;
    std::vector<std::pair<const xml::Element*, int>> open{{&*root, 1}};
    while (!open.empty()) {
        const auto [element, depth] = open.back();
        open.pop_back();
        if (depth > 20) std::abort();
        if (element != &*root && element->ns() != xhtml) std::abort();
        if (std::find(elements.begin(), elements.end(), element->name()) == elements.end()) std::abort();
        for (const auto& attribute : element->attributes())
            if (!is_harmless(attribute)) std::abort();
        for (const auto* child : element->children()) open.emplace_back(child, depth + 1);
    }
    xml::ParserLimits limits;
    limits.element = 1 << 26;
    const auto again = xml::parse_document(xml::to_string(*root), limits);
    if (!again) std::abort();
    return 0;
}
