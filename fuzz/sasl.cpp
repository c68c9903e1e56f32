// The two messages of a client, in base64, one a line, after the number of the mechanism: nobody gets in without the
// password.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/text.hpp"
#include "xmpp/sasl/sasl_data.hpp"
#include "xmpp/sasl/scram_message.hpp"
#include "xmpp/sasl/server.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace parley::xmpp;
    if (size == 0) return 0;
    static const SaslCredentials account{scram_keys_with_salt(ScramHash::sha1, "pencil", "0123456789abcdef", 4096),
                                         scram_keys_with_salt(ScramHash::sha256, "pencil", "0123456789abcdef", 4096)};
    const SaslStream stream{"example.com", true, "exporter value", "secret"};
    const auto mechanisms = SaslServer::mechanisms(stream);
    const auto mechanism = mechanisms[data[0] % mechanisms.size()];
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    const auto newline = text.find('\n');

    const auto first = decode_sasl_data(text.substr(0, newline));
    if (!first) return 0;
    SaslServer server(stream);
    auto step = server.start(mechanism, *first);
    if (std::holds_alternative<SaslServer::Challenge>(step)) step = server.response(text);
    if (std::holds_alternative<SaslServer::NeedAccount>(step)) step = server.account(account);
    if (std::holds_alternative<SaslServer::Challenge>(step) && newline != std::string_view::npos) {
        const auto second = decode_sasl_data(text.substr(newline + 1));
        if (!second || !*second) return 0;
        step = server.response(**second);
    }
    // The nonce of the server cannot be guessed; only PLAIN can say the password.
    if (std::holds_alternative<SaslServer::Success>(step) && mechanism != "PLAIN") std::abort();
    return 0;
}
