#pragma once

#include <string>

namespace parley::im {

// What routing needs to know of one connected resource (RFC 6121 1.4 has the words).
struct ResourceState {
    std::string name;        // resourcepart
    bool available = false;  // has sent presence, and not unavailable since
    int priority = 0;        // -128 to 127, of the last presence
    bool carbons = false;    // XEP-0280
    bool operator==(const ResourceState&) const = default;
};

}  // namespace parley::im
