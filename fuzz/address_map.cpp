#include <cstdlib>
#include <string_view>

#include "gateway/mapping/address.hpp"

// An address that comes over leads back to one that comes over as the same, from both sides.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    using namespace parley;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto check = [](const xmpp::Jid& jid) {
        const auto address = gateway::sip_from_jid(jid);
        if (!address) return;  // a domain that is no host name
        const auto uri = sip::Uri::parse(gateway::to_uri_text(*address));
        if (!uri) std::abort();
        const auto back = gateway::jid_from_sip(*uri);
        if (!back || *back != jid) std::abort();
    };
    if (const auto uri = sip::Uri::parse(text)) {
        if (const auto jid = gateway::jid_from_sip(*uri)) {
            check(*jid);
            (void)gateway::sip_from_jid(*jid, uri->user());
        }
    }
    if (const auto jid = xmpp::Jid::parse(text)) check(*jid);
    return 0;
}
