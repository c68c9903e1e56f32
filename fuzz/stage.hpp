#pragma once

#include <cstdint>
#include <memory>

namespace parley::fuzz {

// A whole server for many inputs; a fresh one now and then, so that its disk does not fill up and a finding can be
// repeated.
template <class Stage>
Stage& stage() {
    constexpr std::uint64_t inputs_a_stage = 2000;
    static std::unique_ptr<Stage> current;
    static std::uint64_t inputs = 0;
    if (!current || ++inputs > inputs_a_stage) {
        current.reset();
        current = std::make_unique<Stage>();
        inputs = 0;
    }
    return *current;
}

}  // namespace parley::fuzz
