#include <cstdlib>
#include <string_view>

#include "base/text.hpp"
#include "gateway/mapping/message.hpp"
#include "gateway/mapping/text.hpp"

// First line: the Content-Type. The rest: the body. What becomes a text must be one that XML can carry.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    using namespace parley;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const auto end = input.find('\n');
    const auto type = input.substr(0, end);
    const auto body = end == std::string_view::npos ? std::string_view{} : input.substr(end + 1);
    for (const auto& result :
         {gateway::text_of_body(type, body, 8192), gateway::from_ms_text_format(type, *gateway::find_profile("ocs"))}) {
        const auto* text = std::get_if<gateway::XmppText>(&result);
        if (!text) continue;
        if (!is_utf8(text->text) || gateway::to_xml_text(text->text) != text->text) std::abort();
        if (!is_utf8(text->subject) || text->subject.find('\n') != std::string::npos) std::abort();
    }
    return 0;
}
