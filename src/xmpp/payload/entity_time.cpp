#include "xmpp/payload/entity_time.hpp"

#include "xmpp/payload/datetime.hpp"

namespace parley::xmpp {

Result<EntityTime> Codec<EntityTime>::decode(const xml::Element& element) {
    const auto* utc = element.child(ns::time, "utc");
    const auto* tzo = element.child(ns::time, "tzo");
    if (!utc || !tzo) return Error{Errc::malformed, "a time without utc and tzo"};
    const auto time = parse_datetime(utc->text());
    if (!time) return time.error();
    const auto offset = parse_timezone(tzo->text());
    if (!offset) return offset.error();
    return EntityTime{*time, *offset};
}

xml::Element Codec<EntityTime>::encode(const EntityTime& time) {
    xml::Element element(name);
    element.add(xml::Element(ns::time, "tzo").with_text(format_timezone(time.offset)));
    element.add(xml::Element(ns::time, "utc").with_text(format_datetime(time.utc)));
    return element;
}

}  // namespace parley::xmpp
