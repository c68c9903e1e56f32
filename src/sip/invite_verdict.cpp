#include "sip/invite_verdict.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "sip/header/content_type.hpp"
#include "sip/header/name_addr.hpp"
#include "sip/header/tokens.hpp"

namespace parley::sip {
namespace {

constexpr std::size_t two = 2;

bool is_for_three(const Message& request) {
    return list_has(request, HeaderId::require, multiparty) || split_list(request.header("EndPoints")).size() > two;
}

bool offers_file(const Message& request) {
    const auto first_text = parse_content_type(request.header("ms-text-format"));
    return first_text && first_text->is(file_offer_type);
}

// A refused description of media: is there a call in it? Sharing of a screen counts as one.
std::optional<Unwanted> wanted_by(std::string_view body) {
    if (body.find("ms-filetransfer") != std::string_view::npos) return Unwanted::file;
    for (const std::string_view media : {"m=audio ", "m=video ", "m=applicationsharing "})
        if (body.starts_with(media) || body.find("\n" + std::string(media)) != std::string_view::npos)
            return Unwanted::call;
    return {};
}

}  // namespace

InviteVerdict judge_invite(const Message& request) {
    if (is_for_three(request)) return {420, {}, Unwanted::group};
    if (request.has(HeaderId::accept) && !list_has(request, HeaderId::accept, "application/sdp") &&
        !list_has(request, HeaderId::accept, "*/*") && !list_has(request, HeaderId::accept, "application/*"))
        return {406};
    if (offers_file(request)) return {488, {}, Unwanted::file};
    if (request.body().empty()) return {};
    const auto type = parse_content_type(request.header(HeaderId::content_type));
    if (!type) return {400};
    if (type->is("application/ms-conf-invite+xml")) return {488, {}, Unwanted::group};
    if (type->type.starts_with("multipart/")) return {488, {}, wanted_by(request.body())};
    if (!type->is("application/sdp")) return {415};
    auto offer = parse_im_offer(request.body());
    if (offer) return {0, *std::move(offer)};
    if (offer.error().code == Errc::malformed) return {400};
    return {488, {}, wanted_by(request.body())};
}

}  // namespace parley::sip
