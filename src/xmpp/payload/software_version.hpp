#pragma once

#include <string>

#include "xmpp/ns.hpp"
#include "xmpp/payload/codec.hpp"

namespace parley::xmpp {

struct SoftwareVersion {  // XEP-0092; all empty in a request
    std::string name, version, os;
    bool operator==(const SoftwareVersion&) const = default;
};

template <>
struct Codec<SoftwareVersion> {
    static constexpr xml::Name name{ns::version, "query"};
    static Result<SoftwareVersion> decode(const xml::Element& element);
    static xml::Element encode(const SoftwareVersion& software);
};
static_assert(Payload<SoftwareVersion>);

}  // namespace parley::xmpp
