#include "xml/builder.hpp"

namespace parley::xml {
namespace {

Name split_name(const char* expat_name) {
    const std::string_view whole(expat_name);
    const auto separator = whole.find(name_separator);
    if (separator == std::string_view::npos) return {{}, whole};
    return {whole.substr(0, separator), whole.substr(separator + 1)};
}

}  // namespace

Element Builder::open(const char* expat_name, const char** attributes) {
    Element element(split_name(expat_name));
    std::size_t count = 0;
    while (attributes[2 * count]) ++count;
    element.reserve_attributes(count);
    for (; *attributes; attributes += 2) {
        const auto name = split_name(attributes[0]);
        element.set(name.local, attributes[1], name.ns);
    }
    return element;
}

bool Builder::pop(Element& finished) {
    auto element = std::move(open_.back());
    open_.pop_back();
    if (open_.empty()) {
        finished = std::move(element);
        return true;
    }
    open_.back().add(std::move(element));
    return false;
}

}  // namespace parley::xml
