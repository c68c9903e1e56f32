#pragma once

#include <concepts>

#include "base/error.hpp"
#include "xml/element.hpp"
#include "xmpp/stanza.hpp"

namespace parley::xmpp {

// How one struct stands in XML: its element's name and two functions. A new payload specialises this in a file of its
// own; there is nothing to register. What a codec does not know of an element is ignored, not refused (RFC 6120 8.4).
template <class T>
struct Codec;

template <class T>
concept Payload = requires(const T& value, const xml::Element& element) {
    { Codec<T>::name } -> std::convertible_to<xml::Name>;
    { Codec<T>::decode(element) } -> std::same_as<Result<T>>;
    { Codec<T>::encode(value) } -> std::same_as<xml::Element>;
};

template <Payload T>
Result<T> decode(const xml::Element& element) {
    if (!element.is(Codec<T>::name)) return Error{Errc::malformed, "another element"};
    return Codec<T>::decode(element);
}

template <Payload T>
xml::Element encode(const T& value) {
    return Codec<T>::encode(value);
}

// The first child of that name; not_found when there is none.
template <Payload T>
Result<T> find(const Stanza& stanza) {
    const auto* child = stanza.child(Codec<T>::name);
    if (!child) return Error{Errc::not_found, "no such payload"};
    return Codec<T>::decode(*child);
}

}  // namespace parley::xmpp
