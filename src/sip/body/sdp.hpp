#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace parley::sip {

// What an IM session needs of SDP (RFC 4566): the m=message line and its accept-types. Three forms are offered by
// peers:
//   m=message 5060 sip null      m=message 5060 sip sip:peer@domain      m=x-ms-message 5060 sip null
// Port, c= and o= name the private address of a client and mean nothing; MSRP is not spoken.
struct ImOffer {
    std::string media = "message";          // or "x-ms-message": the answer uses the same word
    std::vector<std::string> accept_types;  // lower case, as a=accept-types has them; empty in the old forms
    std::vector<std::string> other_media;   // m= lines that we decline, as sent
    std::size_t place = 0;                  // of the m=message line among all of them

    bool accepts(std::string_view type) const;  // an empty list accepts text/plain
};

// Errc::not_found: well-formed, but no m=message by SIP in it (a call, MSRP): 488. Errc::malformed: 400.
Result<ImOffer> parse_im_offer(std::string_view sdp);

// `host` names us; `types` are what we take, text/plain first.
std::string build_im_offer(std::string_view host, const std::vector<std::string>& types);
std::string build_im_answer(const ImOffer& offer, std::string_view host, std::string_view local_uri,
                            const std::vector<std::string>& types);

}  // namespace parley::sip
