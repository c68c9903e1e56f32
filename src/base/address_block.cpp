#include "base/address_block.hpp"

#include <arpa/inet.h>
#include <array>

namespace parley {

std::string address_block(const std::string& address) {
    std::array<unsigned char, 16> bytes{};
    if (inet_pton(AF_INET6, address.c_str(), bytes.data()) != 1) return address;
    return {reinterpret_cast<const char*>(bytes.data()), 8};
}

}  // namespace parley
