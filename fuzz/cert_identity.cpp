// A certificate as a peer sends it (DER): its names are read, and asked for. What must hold: nobody is named by a name
// that holds a NUL, and who is named as a SIP domain is named again by sip_domains().
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "net/identity.hpp"
#include "net/peer_certificate.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace parley::net;
    const auto certificate = read_certificate_der({reinterpret_cast<const char*>(data), size});
    if (!certificate) return 0;
    for (const auto* names :
         {&certificate->dns_names, &certificate->srv_names, &certificate->xmpp_addrs, &certificate->uris}) {
        if (names->size() > max_certificate_names) std::abort();
        for (const auto& name : *names) {
            if (name.empty() || name.find('\0') != std::string::npos) std::abort();
            (void)names_xmpp_domain(*certificate, name);
            const auto ascii = to_ascii_domain(name);
            if (!ascii.empty() && to_ascii_domain(ascii) != ascii) std::abort();
        }
    }
    for (const auto& domain : sip_domains(*certificate))
        if (!names_sip_domain(*certificate, domain)) std::abort();
    (void)names_xmpp_domain(*certificate, "example.com");
    (void)names_host(*certificate, {"edge.example.com", certificate->common_name});
    return 0;
}
