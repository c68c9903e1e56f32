#include "xmpp/payload/stream_management.hpp"

#include "base/text.hpp"

namespace parley::xmpp {
namespace {

bool boolean(std::string_view text) {
    return text == "true" || text == "1";
}  // XML Schema's two words for it

std::optional<Seconds> seconds(std::string_view text) {
    const auto number = parse_number<std::uint32_t>(text);
    return number ? std::optional(Seconds(*number)) : std::nullopt;
}

Result<std::uint32_t> counter(const xml::Element& element) {
    const auto h = parse_number<std::uint32_t>(element.attribute("h"));
    if (!h) return Error{Errc::malformed, "h is not a counter"};
    return *h;
}

// <resume/> and <resumed/> differ in the name only.
template <class T>
Result<T> decode_resumption(const xml::Element& element) {
    const auto h = counter(element);
    if (!h) return h.error();
    if (element.attribute("previd").empty()) return Error{Errc::malformed, "no previd"};
    return T{*h, std::string(element.attribute("previd"))};
}
template <class T>
xml::Element encode_resumption(const T& value) {
    xml::Element element(Codec<T>::name);
    element.set("h", std::to_string(value.h)).set("previd", value.previd);
    return element;
}

}  // namespace

Result<SmEnable> Codec<SmEnable>::decode(const xml::Element& element) {
    return SmEnable{boolean(element.attribute("resume")), seconds(element.attribute("max"))};
}
xml::Element Codec<SmEnable>::encode(const SmEnable& value) {
    xml::Element element(name);
    if (value.resume) element.set("resume", "true");
    if (value.max) element.set("max", std::to_string(value.max->count()));
    return element;
}

Result<SmEnabled> Codec<SmEnabled>::decode(const xml::Element& element) {
    return SmEnabled{std::string(element.attribute("id")), boolean(element.attribute("resume")),
                     seconds(element.attribute("max")), std::string(element.attribute("location"))};
}
xml::Element Codec<SmEnabled>::encode(const SmEnabled& value) {
    xml::Element element(name);
    if (!value.id.empty()) element.set("id", value.id);
    if (value.resume) element.set("resume", "true");
    if (value.max) element.set("max", std::to_string(value.max->count()));
    if (!value.location.empty()) element.set("location", value.location);
    return element;
}

Result<SmRequest> Codec<SmRequest>::decode(const xml::Element&) {
    return SmRequest{};
}
xml::Element Codec<SmRequest>::encode(const SmRequest&) {
    return xml::Element(name);
}

Result<SmAck> Codec<SmAck>::decode(const xml::Element& element) {
    const auto h = counter(element);
    if (!h) return h.error();
    return SmAck{*h};
}
xml::Element Codec<SmAck>::encode(const SmAck& value) {
    xml::Element element(name);
    element.set("h", std::to_string(value.h));
    return element;
}

Result<SmResume> Codec<SmResume>::decode(const xml::Element& element) {
    return decode_resumption<SmResume>(element);
}
xml::Element Codec<SmResume>::encode(const SmResume& value) {
    return encode_resumption(value);
}

Result<SmResumed> Codec<SmResumed>::decode(const xml::Element& element) {
    return decode_resumption<SmResumed>(element);
}
xml::Element Codec<SmResumed>::encode(const SmResumed& value) {
    return encode_resumption(value);
}

Result<SmFailed> Codec<SmFailed>::decode(const xml::Element& element) {
    SmFailed failed;
    failed.h = parse_number<std::uint32_t>(element.attribute("h"));
    for (const auto* child : element.children()) {
        if (child->ns() != ns::stanzas || child->name() == "text") continue;
        failed.condition = child->name();
        break;
    }
    return failed;
}
xml::Element Codec<SmFailed>::encode(const SmFailed& value) {
    xml::Element element(name);
    if (value.h) element.set("h", std::to_string(*value.h));
    if (!value.condition.empty()) element.add(xml::Element(ns::stanzas, value.condition));
    return element;
}

}  // namespace parley::xmpp
