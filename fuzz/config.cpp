#include "admin/config.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "admin/problem.hpp"

// Whatever a file holds: no crash, no endless work, each problem points into the text, and it can be printed.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace parley::admin;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto loaded = parse_config(text, "/fuzz/parley.toml");
    for (const auto& problem : loaded.problems) {
        if (problem.place.line != 0 && problem.place.column > problem.source_line.size() + 1) std::abort();
        if (render(problem, "parley.toml", Language::english).empty()) std::abort();
    }
    if (loaded.ok() && loaded.config.domains.empty()) std::abort();  // nothing to serve, and nobody said so
    return 0;
}
