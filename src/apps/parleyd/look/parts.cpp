#include "apps/parleyd/look/parts.hpp"

#include <array>
#include <ctime>

namespace parley::look {
namespace {

using admin::Message;

bool says(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

std::string time_text(TimePoint time) {
    const auto seconds = std::chrono::system_clock::to_time_t(std::chrono::floor<Seconds>(time));
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts);
    return text.data();
}

std::pair<Message, std::optional<Message>> tls_fault(const std::string& detail, const std::string& name) {
    for (const auto* word : {"alert certificate", "alert bad certificate", "alert unknown ca", "alert unsupported cert",
                             "alert access denied", "certificate required"})
        if (says(detail, word))
            return {Message{"test.tls-refuses-us", {detail}}, Message{"fix.our-certificate", {name}}};
    for (const auto* word : {"protocol version", "unsupported protocol", "handshake failure", "no protocols available"})
        if (says(detail, word)) return {Message{"test.tls-old", {detail}}, Message{"fix.legacy-tls", {}}};
    return {Message{"test.tls-failed", {detail}}, Message{"fix.their-port", {}}};
}

std::pair<Message, Message> trust_fault(const net::PeerCertificate& certificate, TimePoint now) {
    const auto& error = certificate.trust_error;
    if (says(error, "not yet valid"))
        return {Message{"test.identity-not-yet", {time_text(certificate.valid_from), time_text(now)}},
                Message{"fix.clock", {}}};
    if (says(error, "expired"))
        return {Message{"test.identity-expired", {error + ", " + time_text(certificate.valid_until)}},
                Message{"fix.their-certificate", {}}};
    if (says(error, "usage") || says(error, "purpose"))
        return {Message{"test.identity-usage", {error}}, Message{"fix.their-certificate", {}}};
    // It came alone, and nobody we know has issued it: an intermediate that it ought to send, or a CA of its own.
    const bool alone = certificate.chain <= 1 && certificate.issuer != certificate.common_name;
    if (alone && (says(error, "local issuer") || says(error, "first certificate")))
        return {Message{"test.identity-chain", {certificate.issuer}}, Message{"fix.their-chain", {certificate.issuer}}};
    return {Message{"test.identity-untrusted", {error}}, Message{"fix.trust", {}}};
}

Message certificate_details(const net::PeerCertificate& certificate) {
    return {"test.identity-details",
            {certificate.issuer, time_text(certificate.valid_from), time_text(certificate.valid_until),
             std::to_string(certificate.chain)}};
}

std::optional<int> expires_soon(const net::PeerCertificate& certificate, TimePoint now) {
    const auto left = std::chrono::floor<std::chrono::days>(certificate.valid_until - now).count();
    return left < 21 ? std::optional<int>(static_cast<int>(left)) : std::nullopt;
}

std::optional<Message> describe_proof(const std::string& proof) {
    if (proof == "pkix") return Message{"show.proof-pkix", {}};
    if (proof == "dane") return Message{"show.proof-dane", {}};
    if (proof == "posh") return Message{"show.proof-posh", {}};
    if (proof == "dialback") return Message{"show.proof-dialback", {}};
    if (proof == "none") return Message{"show.proof-none", {}};
    return std::nullopt;
}

}  // namespace parley::look
