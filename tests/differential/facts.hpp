#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace parley::differential {

// What decides where a message goes and what it belongs to. Two parsers that accept the same bytes must agree on it.
struct Facts {
    std::string method;  // "" in a response
    int status = 0;
    std::string call_id, from_tag, to_tag, branch;
    std::uint32_t cseq = 0;
    std::string cseq_method;
    std::size_t body = 0;
};

}  // namespace parley::differential
