#pragma once

#include <string>

#include "xmpp/ns.hpp"
#include "xmpp/payload/codec.hpp"

namespace parley::xmpp {

struct ReceiptRequest {  // XEP-0184: in the message that wants one
    bool operator==(const ReceiptRequest&) const = default;
};
struct Receipt {  // XEP-0184: the answer; `id` is that of the message received
    std::string id;
    bool operator==(const Receipt&) const = default;
};

template <>
struct Codec<ReceiptRequest> {
    static constexpr xml::Name name{ns::receipts, "request"};
    static Result<ReceiptRequest> decode(const xml::Element&) { return ReceiptRequest{}; }
    static xml::Element encode(const ReceiptRequest&) { return xml::Element(name); }
};
template <>
struct Codec<Receipt> {
    static constexpr xml::Name name{ns::receipts, "received"};
    static Result<Receipt> decode(const xml::Element& element) { return Receipt{std::string(element.attribute("id"))}; }
    static xml::Element encode(const Receipt& receipt) {
        xml::Element element(name);
        element.set("id", receipt.id);
        return element;
    }
};
static_assert(Payload<ReceiptRequest> && Payload<Receipt>);

}  // namespace parley::xmpp
