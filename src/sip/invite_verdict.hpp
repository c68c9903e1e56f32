#pragma once

#include <optional>

#include "sip/body/sdp.hpp"
#include "sip/message.hpp"

namespace parley::sip {

// What a peer asked for that a conversation of two by text is not.
enum class Unwanted { group, call, file };

// May this INVITE be a one-to-one session of texts? What cannot be one is refused before our user hears of it. Peers of
// the Microsoft kinds name both users in EndPoints and say that they support multiparty on any session of two: only a
// third end point, or a Require, is a group.
struct InviteVerdict {
    int status = 0;                    // 0: take it; 420 goes with "Unsupported: com.microsoft.rtc-multiparty"
    std::optional<ImOffer> offer{};    // none: the INVITE has no body, and we offer in the 2xx
    std::optional<Unwanted> wanted{};  // for a notice to our user; nothing to tell of a mere mistake
};
InviteVerdict judge_invite(const Message& request);

inline constexpr std::string_view multiparty = "com.microsoft.rtc-multiparty";
// COMPAT(Communicator): a MESSAGE, or a first text in an INVITE, of this type offers a file.
inline constexpr std::string_view file_offer_type = "text/x-msmsgsinvite";

}  // namespace parley::sip
