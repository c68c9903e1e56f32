#include "sip/body/sdp.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

// What we answer to an offer that we understand is itself an SDP with a message stream in the same place.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace parley::sip;
    const auto offer = parse_im_offer({reinterpret_cast<const char*>(data), size});
    if (!offer) return 0;
    const auto answer =
        parse_im_offer(build_im_answer(*offer, "sip.example.com", "sip:u1@example.com", {"text/plain"}));
    if (!answer || answer->place != offer->place || answer->media != offer->media) std::abort();
    if (answer->other_media.size() != offer->other_media.size() || !answer->accepts("text/plain")) std::abort();
    return 0;
}
