#pragma once

#include <string>
#include <vector>

#include "xmpp/ns.hpp"
#include "xmpp/payload/codec.hpp"

namespace parley::xmpp {

struct DiscoIdentity {  // XEP-0030 3.1
    std::string category, type, name, lang;
    auto operator<=>(const DiscoIdentity&) const = default;
};

struct DiscoInfo {
    std::string node;
    std::vector<DiscoIdentity> identities;
    std::vector<std::string> features;
    std::vector<xml::Element> forms;  // XEP-0128: <x xmlns='jabber:x:data'/>
    bool has(std::string_view feature) const;
    bool operator==(const DiscoInfo&) const = default;
};

struct DiscoItem {  // XEP-0030 4.1
    Jid jid;
    std::string node, name;
    bool operator==(const DiscoItem&) const = default;
};

struct DiscoItems {
    std::string node;
    std::vector<DiscoItem> items;
    bool operator==(const DiscoItems&) const = default;
};

struct Caps {          // XEP-0115 4: in presence
    std::string hash;  // "sha-1"; empty in the form before version 1.4, which proves nothing
    std::string node;
    std::string ver;
    auto operator<=>(const Caps&) const = default;
};

template <>
struct Codec<DiscoInfo> {
    static constexpr xml::Name name{ns::disco_info, "query"};
    static Result<DiscoInfo> decode(const xml::Element& element);
    static xml::Element encode(const DiscoInfo& info);
};
template <>
struct Codec<DiscoItems> {
    static constexpr xml::Name name{ns::disco_items, "query"};
    static Result<DiscoItems> decode(const xml::Element& element);
    static xml::Element encode(const DiscoItems& items);
};
template <>
struct Codec<Caps> {
    static constexpr xml::Name name{ns::caps, "c"};
    static Result<Caps> decode(const xml::Element& element);
    static xml::Element encode(const Caps& caps);
};
static_assert(Payload<DiscoInfo> && Payload<DiscoItems> && Payload<Caps>);

}  // namespace parley::xmpp
