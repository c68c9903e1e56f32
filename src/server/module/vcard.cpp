#include "server/module/modules.hpp"
#include "server/shard.hpp"
#include "server/user.hpp"
#include "xml/parser.hpp"
#include "xml/writer.hpp"
#include "xmpp/ns.hpp"

namespace parley::server {

namespace {

constexpr std::size_t largest_vcard = 128 * 1024;  // room for a photograph of the size XEP-0153 recommends

}  // namespace

void vcard_get(const IqRequest& request) {
    auto loaded = [&shard = request.shard, stanza = request.stanza,
                   own = request.own != nullptr](Result<std::string> text) {
        const IqRequest again{shard, stanza};
        if (!text) return again.refuse("internal-server-error");
        if (text->empty()) {
            // XEP-0054 3.1: an own missing vCard is an empty one; of somebody else, existence is not given away.
            if (own) return again.answer(xml::Element(xmpp::ns::vcard, "vCard"));
            return again.refuse("service-unavailable");
        }
        auto vcard = xml::parse_document(*text);
        if (!vcard) return again.refuse("internal-server-error");
        again.answer(*std::move(vcard));
    };
    request.shard.stores().vcards().load(request.user->jid(), std::move(loaded));
}

void vcard_set(const IqRequest& request) {
    auto text = xml::to_string(request.payload());
    if (text.size() > largest_vcard) return request.refuse("policy-violation", "the vCard is too large");
    auto stored = [&shard = request.shard, stanza = request.stanza](Result<> done) {
        const IqRequest again{shard, stanza};
        if (done)
            again.answer();
        else
            again.refuse("internal-server-error");
    };
    request.shard.stores().vcards().put(request.user->jid(), std::move(text), std::move(stored));
}

}  // namespace parley::server
