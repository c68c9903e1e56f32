#include "xmpp/payload/idle.hpp"

#include "xmpp/payload/datetime.hpp"

namespace parley::xmpp {

Result<Idle> Codec<Idle>::decode(const xml::Element& element) {
    const auto since = parse_datetime(element.attribute("since"));
    if (!since) return since.error();
    return Idle{*since};
}

xml::Element Codec<Idle>::encode(const Idle& idle) {
    xml::Element element(name);
    element.set("since", format_datetime(idle.since));
    return element;
}

}  // namespace parley::xmpp
