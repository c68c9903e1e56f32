#include "xmpp/payload/delay.hpp"

#include "xmpp/payload/datetime.hpp"

namespace parley::xmpp {

Result<Delay> Codec<Delay>::decode(const xml::Element& element) {
    const auto stamp = parse_datetime(element.attribute("stamp"));
    if (!stamp) return stamp.error();
    Delay delay{*stamp, std::nullopt, element.text()};
    if (const auto text = element.attribute("from"); !text.empty()) {
        auto from = Jid::parse(text);
        if (!from) return from.error();
        delay.from = *std::move(from);
    }
    return delay;
}

xml::Element Codec<Delay>::encode(const Delay& delay) {
    xml::Element element(name);
    if (delay.from) element.set("from", delay.from->to_string());
    element.set("stamp", format_datetime(delay.stamp));
    if (!delay.reason.empty()) element.add_text(delay.reason);
    return element;
}

}  // namespace parley::xmpp
