#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "sip/header/content_type.hpp"
#include "sip/header/cseq.hpp"
#include "sip/header/event.hpp"
#include "sip/header/name_addr.hpp"
#include "sip/header/numbers.hpp"
#include "sip/header/subscription_state.hpp"
#include "sip/header/via.hpp"

// The first byte chooses the header, the rest is its value.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace parley::sip;
    if (size == 0) return 0;
    const std::string_view value(reinterpret_cast<const char*>(data) + 1, size - 1);
    if (value.find_first_of(std::string_view("\r\n")) != std::string_view::npos) return 0;
    switch (data[0] % 8) {
        case 0:
            if (const auto via = parse_via(value)) (void)via->has_rfc3261_branch();
            break;
        case 1:
            if (const auto address = parse_name_addr(value)) {
                const auto again = parse_name_addr(address->to_string());
                if (!again || again->to_string() != address->to_string() || again->tag() != address->tag())
                    std::abort();
                (void)address->display_text();
            }
            break;
        case 2:
            if (const auto cseq = parse_cseq(value)) {
                const auto again = parse_cseq(cseq->to_string());
                if (!again || again->to_string() != cseq->to_string()) std::abort();
            }
            break;
        case 3:
            if (const auto event = parse_event(value)) {
                const auto again = parse_event(event->to_string());
                if (!again || !(*again == *event)) std::abort();
            }
            break;
        case 4:
            if (const auto state = parse_subscription_state(value)) {
                const auto again = parse_subscription_state(state->to_string());
                if (!again || again->to_string() != state->to_string()) std::abort();
            }
            break;
        case 5:
            if (const auto type = parse_content_type(value)) {
                const auto again = parse_content_type(type->type + type->params.text());
                if (!again || again->type != type->type) std::abort();
            }
            break;
        case 6:
            (void)parse_delta(value);
            (void)parse_retry_after(value);
            (void)parse_max_forwards(value);
            (void)is_sip_date(value);
            break;
        default:
            for (const auto part : split_list(value)) (void)unquote(part);
            break;
    }
    return 0;
}
