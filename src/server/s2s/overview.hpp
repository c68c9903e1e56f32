#pragma once

#include "im/partner_overview.hpp"
#include "net/connection.hpp"

namespace parley::server {

// A stream for `parleyctl federation show`; `tls` is nullptr while it is plain.
im::PartnerOverview::Connection describe_connection(const net::Endpoint& remote, const net::TlsInfo* tls,
                                                    TimePoint since);

}  // namespace parley::server
