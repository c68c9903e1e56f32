#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace parley::im {

// What this server says to people itself, in each language that it speaks; the first is the default. The texts are
// somebody else's (admin/messages): an id, and what stands in for {0}, {1}, ...
struct Sentence {
    std::string language, text;
};
using Sentences = std::function<std::vector<Sentence>(std::string_view id, const std::vector<std::string>& args)>;

}  // namespace parley::im
