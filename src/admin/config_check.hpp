#pragma once

#include <vector>

#include "admin/config.hpp"
#include "admin/document.hpp"

namespace parley::admin {

// What only shows when several keys are seen together: ports used twice, roles without a port.
void check_together(const Document& document, const Config& config, std::vector<Problem>& problems);
// What the file names: certificates, keys, folders.
void check_files(const Document& document, const Config& config, TimePoint now, std::vector<Problem>& problems);

struct NamedListeners {
    std::string_view name;
    const std::vector<Address>* addresses;
};
std::vector<NamedListeners> all_listeners(const Config& config);

}  // namespace parley::admin
