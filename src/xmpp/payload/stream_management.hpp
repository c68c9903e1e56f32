#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "xmpp/ns.hpp"
#include "xmpp/payload/codec.hpp"

// XEP-0198. These are no stanzas: they stand directly in the stream. Counters wrap at 2^32.
namespace parley::xmpp {

struct SmEnable {
    bool resume = false;
    std::optional<Seconds> max;  // how long the client would like to be able to resume
    bool operator==(const SmEnable&) const = default;
};
struct SmEnabled {
    std::string id;  // to resume by
    bool resume = false;
    std::optional<Seconds> max;
    std::string location;  // empty: none preferred
    bool operator==(const SmEnabled&) const = default;
};
struct SmRequest {  // <r/>
    bool operator==(const SmRequest&) const = default;
};
struct SmAck {  // <a/>
    std::uint32_t h = 0;
    bool operator==(const SmAck&) const = default;
};
struct SmResume {
    std::uint32_t h = 0;
    std::string previd;
    bool operator==(const SmResume&) const = default;
};
struct SmResumed {
    std::uint32_t h = 0;
    std::string previd;
    bool operator==(const SmResumed&) const = default;
};
struct SmFailed {
    std::string condition;           // of RFC 6120 8.3.3; may be empty
    std::optional<std::uint32_t> h;  // what had been received of the stream that cannot be resumed
    bool operator==(const SmFailed&) const = default;
};

#define PARLEY_SM_CODEC(Type, element_name)                      \
    template <>                                                  \
    struct Codec<Type> {                                         \
        static constexpr xml::Name name{ns::sm, element_name};   \
        static Result<Type> decode(const xml::Element& element); \
        static xml::Element encode(const Type& value);           \
    };                                                           \
    static_assert(Payload<Type>)
PARLEY_SM_CODEC(SmEnable, "enable");
PARLEY_SM_CODEC(SmEnabled, "enabled");
PARLEY_SM_CODEC(SmRequest, "r");
PARLEY_SM_CODEC(SmAck, "a");
PARLEY_SM_CODEC(SmResume, "resume");
PARLEY_SM_CODEC(SmResumed, "resumed");
PARLEY_SM_CODEC(SmFailed, "failed");
#undef PARLEY_SM_CODEC

}  // namespace parley::xmpp
