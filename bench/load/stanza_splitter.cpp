#include "bench/load/stanza_splitter.hpp"

namespace parley::bench {

std::string_view element_name(std::string_view element) {
    const auto end = element.find_first_of(" \t\r\n/>", 1);
    return element.substr(1, end == std::string_view::npos ? end : end - 1);
}

std::string_view attribute(std::string_view element, std::string_view name) {
    auto at = element.find_first_of(" \t\r\n/>", 1);
    while (at != std::string_view::npos) {
        at = element.find_first_not_of(" \t\r\n", at);
        if (at == std::string_view::npos || element[at] == '>' || element[at] == '/') return {};
        const auto equals = element.find('=', at);
        if (equals == std::string_view::npos) return {};
        const auto open = element.find_first_of("'\"", equals);
        if (open == std::string_view::npos) return {};
        const auto close = element.find(element[open], open + 1);
        if (close == std::string_view::npos) return {};
        if (element.substr(at, equals - at) == name) return element.substr(open + 1, close - open - 1);
        at = close + 1;
    }
    return {};
}

std::string_view child_text(std::string_view element, std::string_view name) {
    for (auto at = element.find('<'); at != std::string_view::npos; at = element.find('<', at + 1)) {
        if (element.substr(at + 1, name.size()) != name) continue;
        const auto after = at + 1 + name.size();
        if (after >= element.size() || std::string_view(" \t\r\n>").find(element[after]) == std::string_view::npos)
            continue;
        const auto open = element.find('>', after);
        if (open == std::string_view::npos || element[open - 1] == '/') return {};
        const auto close = element.find('<', open);
        return close == std::string_view::npos ? std::string_view{} : element.substr(open + 1, close - open - 1);
    }
    return {};
}

}  // namespace parley::bench
