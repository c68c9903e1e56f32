#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "xmpp/jid.hpp"

namespace parley::storage::sqlite {

// Values inside columns.

// A JID that we have stored ourselves; if it does not parse, the row is damaged.
Result<xmpp::Jid> stored_jid(std::string_view text);
Result<xmpp::Jid> stored_jid(std::string_view local, std::string_view domain);

// A list of texts in one column, each as "length:bytes". What follows a damaged entry is dropped.
std::string encode_list(const std::vector<std::string>& texts);
std::vector<std::string> decode_list(std::string_view bytes);

}  // namespace parley::storage::sqlite
