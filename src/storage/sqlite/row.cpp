#include "storage/sqlite/row.hpp"

#include "base/text.hpp"

namespace parley::storage::sqlite {
namespace {

Result<xmpp::Jid> checked(Result<xmpp::Jid> jid) {
    if (!jid) return Error{Errc::storage, "damaged row: " + jid.error().detail};
    return jid;
}

}  // namespace

Result<xmpp::Jid> stored_jid(std::string_view text) {
    return checked(xmpp::Jid::parse(text));
}
Result<xmpp::Jid> stored_jid(std::string_view local, std::string_view domain) {
    return checked(xmpp::Jid::make(local, domain));
}

std::string encode_list(const std::vector<std::string>& texts) {
    std::string bytes;
    for (const auto& text : texts) bytes += std::to_string(text.size()) + ':' + text;
    return bytes;
}
std::vector<std::string> decode_list(std::string_view bytes) {
    std::vector<std::string> texts;
    while (!bytes.empty()) {
        const auto colon = bytes.find(':');
        if (colon == std::string_view::npos) break;
        const auto size = parse_number<std::size_t>(bytes.substr(0, colon));
        bytes.remove_prefix(colon + 1);
        if (!size || *size > bytes.size()) break;
        texts.emplace_back(bytes.substr(0, *size));
        bytes.remove_prefix(*size);
    }
    return texts;
}

}  // namespace parley::storage::sqlite
