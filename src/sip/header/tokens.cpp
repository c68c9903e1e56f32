#include "sip/header/tokens.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "sip/header/cursor.hpp"
#include "sip/limits.hpp"

namespace parley::sip {

std::vector<std::string> list_values(const Message& message, HeaderId id) {
    std::vector<std::string> out;
    for (const auto& field : message.fields()) {
        if (field.id != id) continue;
        for (const auto part : split_list(message.value(field))) {
            const auto word = trim(part.substr(0, part.find(';')), " \t");
            if (!word.empty() && out.size() < limit::list_values) out.push_back(to_lower(word));
        }
    }
    return out;
}

bool list_has(const Message& message, HeaderId id, std::string_view value) {
    const auto values = list_values(message, id);
    return std::find(values.begin(), values.end(), to_lower(value)) != values.end();
}

}  // namespace parley::sip
