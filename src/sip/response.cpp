#include "sip/response.hpp"

#include "sip/header/cursor.hpp"
#include "sip/header/name_addr.hpp"

namespace parley::sip {

Message make_response(const Message& request, int status, std::string_view phrase, std::string_view to_tag) {
    auto response = Message::response(status, phrase);
    const auto method = request.method();
    const bool in_dialog = status > 100 && status < 300 &&
                           (method == Method::invite || method == Method::subscribe || method == Method::notify);
    for (const auto& field : request.fields()) {
        const auto value = request.value(field);
        switch (field.id) {
            case HeaderId::via:
            case HeaderId::from:
            case HeaderId::call_id:
            case HeaderId::cseq: response.add(field.id, value); break;
            case HeaderId::record_route:
                if (in_dialog) response.add(field.id, value);
                break;
            case HeaderId::to: {
                const auto& to = request.to();
                const bool tag = status != 100 && !to_tag.empty() && to && !to->params.has("tag");
                response.add(HeaderId::to,
                             tag ? std::string(value).append(";tag=").append(to_tag) : std::string(value));
                break;
            }
            default: break;
        }
    }
    if (status == 100 && !request.header("Timestamp").empty()) response.add("Timestamp", request.header("Timestamp"));
    return response;
}

void add_warning(Message& response, std::string_view agent, std::string_view words) {
    response.add(HeaderId::warning, std::string("399 ").append(agent).append(" ").append(quote(words)));
}

}  // namespace parley::sip
