#include "sip/body/sdp.hpp"

#include <algorithm>
#include <optional>

#include "base/text.hpp"

namespace parley::sip {
namespace {

constexpr std::size_t most_lines = 500;
constexpr std::size_t most_media = 16;
constexpr std::string_view accept_types = "accept-types:";

std::vector<std::string_view> words(std::string_view text) {
    std::vector<std::string_view> out;
    for (const auto word : split(text, ' '))
        if (!word.empty()) out.push_back(word);
    return out;
}

void session_part(std::string& out, std::string_view host) {
    out.append("v=0\r\no=- 0 0 IN IP4 ")
        .append(host)
        .append("\r\ns=session\r\nc=IN IP4 ")
        .append(host)
        .append("\r\nt=0 0\r\n");
}

void accept_line(std::string& out, const std::vector<std::string>& types) {
    out.append("a=").append(accept_types);
    for (std::size_t i = 0; i < types.size(); ++i) out.append(i == 0 ? "" : " ").append(types[i]);
    out.append("\r\n");
}

}  // namespace

bool ImOffer::accepts(std::string_view type) const {
    if (accept_types.empty()) return type == "text/plain";
    return std::any_of(accept_types.begin(), accept_types.end(),
                       [&](const std::string& accepted) { return accepted == type || accepted == "*"; });
}

Result<ImOffer> parse_im_offer(std::string_view sdp) {
    ImOffer offer;
    std::optional<std::size_t> found;
    std::size_t lines = 0, media = 0;
    bool in_message = false;
    while (!sdp.empty()) {
        const auto end = std::min(sdp.find('\n'), sdp.size());
        auto line = sdp.substr(0, end);
        sdp.remove_prefix(std::min(end + 1, sdp.size()));
        if (line.ends_with('\r')) line.remove_suffix(1);
        // RFC 4566 9: a byte-string has no CR and no NUL. Our answer repeats words of the offer, so they stay out of
        // it.
        if (line.find_first_of(std::string_view("\r\0", 2)) != line.npos) return Error{Errc::malformed, "SDP line"};
        if (line.empty()) continue;
        if (++lines > most_lines) return Error{Errc::too_long, "SDP"};
        if (line.size() < 2 || line[1] != '=') return Error{Errc::malformed, "SDP line"};
        if (lines == 1 && line != "v=0") return Error{Errc::malformed, "SDP version"};
        const auto value = line.substr(2);
        if (line[0] == 'm') {
            const auto parts = words(value);
            if (parts.size() < 3) return Error{Errc::malformed, "SDP media"};
            const bool message = (parts[0] == "message" || parts[0] == "x-ms-message") &&
                                 equal_ignoring_case(parts[2], "sip") && parts[1] != "0";
            in_message = message && !found;
            if (in_message) {
                found = offer.place = media;
                offer.media = std::string(parts[0]);
            } else {
                offer.other_media.emplace_back(value);
            }
            if (++media > most_media) return Error{Errc::too_long, "SDP media"};
        } else if (line[0] == 'a' && in_message &&
                   equal_ignoring_case(value.substr(0, accept_types.size()), accept_types)) {
            for (const auto type : words(value.substr(accept_types.size())))
                offer.accept_types.push_back(to_lower(type));
        }
    }
    if (lines == 0) return Error{Errc::malformed, "empty SDP"};
    if (!found) return Error{Errc::not_found, "no m=message by SIP"};
    return offer;
}

std::string build_im_offer(std::string_view host, const std::vector<std::string>& types) {
    std::string out;
    session_part(out, host);
    out.append("m=message 5060 sip null\r\n");
    accept_line(out, types);
    return out;
}

std::string build_im_answer(const ImOffer& offer, std::string_view host, std::string_view local_uri,
                            const std::vector<std::string>& types) {
    std::string out;
    session_part(out, host);
    for (std::size_t i = 0; i <= offer.other_media.size(); ++i) {
        if (i == offer.place) {
            out.append("m=").append(offer.media).append(" 5060 sip ").append(local_uri).append("\r\n");
            accept_line(out, types);
        }
        if (i == offer.other_media.size()) break;
        // RFC 3264 6: each offered stream is answered, a declined one with port zero.
        const auto parts = words(offer.other_media[i]);
        out.append("m=").append(parts[0]).append(" 0");
        for (std::size_t k = 2; k < parts.size(); ++k) out.append(" ").append(parts[k]);
        out.append("\r\n");
    }
    return out;
}

}  // namespace parley::sip
