#include "xmpp/sasl/sasl_data.hpp"

#include "base/text.hpp"

namespace parley::xmpp {

std::string encode_sasl_data(const std::optional<std::string>& bytes) {
    if (!bytes) return {};
    return bytes->empty() ? "=" : base64_encode(*bytes);
}

Result<std::optional<std::string>> decode_sasl_data(std::string_view text) {
    if (text.size() > sasl_data_max) return Error{Errc::too_long, "SASL data"};
    if (text.empty()) return std::optional<std::string>();
    if (text == "=") return std::optional<std::string>(std::string());
    auto bytes = base64_decode(text);
    if (!bytes) return bytes.error();
    return std::optional<std::string>(*std::move(bytes));
}

}  // namespace parley::xmpp
