#include "xmpp/payload/software_version.hpp"

namespace parley::xmpp {

Result<SoftwareVersion> Codec<SoftwareVersion>::decode(const xml::Element& element) {
    const auto text = [&](std::string_view child) {
        const auto* found = element.child(ns::version, child);
        return found ? found->text() : std::string();
    };
    return SoftwareVersion{text("name"), text("version"), text("os")};
}

xml::Element Codec<SoftwareVersion>::encode(const SoftwareVersion& software) {
    xml::Element element(name);
    const auto add = [&](std::string_view child, const std::string& text) {
        if (!text.empty()) element.add(xml::Element(ns::version, child).with_text(text));
    };
    add("name", software.name);
    add("version", software.version);
    add("os", software.os);
    return element;
}

}  // namespace parley::xmpp
