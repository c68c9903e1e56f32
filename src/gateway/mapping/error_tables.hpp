#pragma once

#include <string>
#include <string_view>

#include "gateway/profile.hpp"
#include "sip/message.hpp"
#include "xmpp/stanza_error.hpp"

// Errors on the two sides (RFC 7247 7). Pure functions, any thread.
namespace parley::gateway {

// Whom an XMPP error speaks of: one resource, or the user as a whole. RFC 7247 uses SIP's 6xx for the latter.
enum class Addressee { full, bare };

// 0: the table has no line for it.
struct ErrorRow {
    std::string_view condition;
    int full;
    int bare;
};
std::span<const ErrorRow> error_table();

// The SIP status for an error of an XMPP entity. `new_address` is true when the caller can name a Contact (condition
// gone). A partner whose profile says so (only_4xx) never gets a 6xx, 401 or 407, and 400 only for a request that is
// wrong itself. The caller adds no challenge to 401 and 407; peers then treat them as a final refusal.
int to_sip_status(std::string_view condition, Addressee addressee, const Profile& profile, bool new_address = false);
inline int to_sip_status(const xmpp::StanzaError& error, Addressee addressee, const Profile& profile) {
    return to_sip_status(error.condition, addressee, profile);
}

// The condition for a SIP status of 300 to 699; undefined-condition for any other number. 5xx, 4xx and the like without
// a line of their own take that of their class.
std::string_view to_condition(int status);

// What a SIP partner's refusal becomes. `text` is for people: the partner's diagnostics, Warning or reason phrase.
xmpp::StanzaError to_stanza_error(int status, std::string_view text = {});
xmpp::StanzaError to_stanza_error(const sip::Message& response);

// "The partner answered 480 (Temporarily Unavailable)", with what ms-diagnostics-public, ms-diagnostics or Warning say
// of the reason; cleaned and at most 256 bytes.
std::string error_text(int status, std::string_view reason_phrase, std::string_view diagnostics,
                       std::string_view warning);

}  // namespace parley::gateway
