#pragma once

#include <string>

#include "im/partner_history.hpp"
#include "im/refusals.hpp"
#include "net/connection.hpp"
#include "server/s2s/out_stream.hpp"

namespace parley::server {

class Shard;

// Why an attempt over this stream failed, as the history has it. `timed_out`: we have ended it.
im::PartnerEvent::Fault fault_of(const OutStream& stream, bool timed_out);

// For `federation history`, and for a trace of one of the two domains.
void note_partner_event(Shard& shard, const std::string& remote, im::PartnerEvent event);

// A server of another domain is refused on a stream: for `federation refusals` and the log. `who` as RefusalLog has it;
// `refusal` without protocol and address. Gives the text that it shall be told.
std::string note_refusal(Shard& shard, std::string_view who, const net::Endpoint& from, im::Refusal refusal);

}  // namespace parley::server
