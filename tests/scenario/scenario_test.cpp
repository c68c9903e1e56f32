// One test a file of tests/scenario/*/*.scn. PARLEY_SCENARIO=FILE plays that file alone.
#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "tests/scenario/script.hpp"

namespace parley::test {
namespace {

std::vector<std::filesystem::path> scenarios() {
    if (const char* one = std::getenv("PARLEY_SCENARIO")) return {one};
    std::vector<std::filesystem::path> files;
    const auto folder = std::filesystem::path(PARLEY_SOURCE_DIR) / "tests/scenario";
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
        if (entry.path().extension() == ".scn") files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

class Scenario : public ::testing::TestWithParam<std::filesystem::path> {};

// Once with all users on one thread and bytes as they are written; once spread over two shards, with bytes in crumbs.
TEST_P(Scenario, Plays) {
    {
        SCOPED_TRACE("one shard");
        Script(GetParam(), 1, 0).play();
    }
    if (HasFailure()) return;
    SCOPED_TRACE("two shards, seven bytes at a time");
    Script(GetParam(), 2, 7).play();
}

std::string name_of(const ::testing::TestParamInfo<std::filesystem::path>& file) {
    auto name = file.param.parent_path().filename().string() + '_' + file.param.stem().string();
    std::replace_if(
        name.begin(), name.end(), [](unsigned char c) { return !std::isalnum(c); }, '_');
    return name;
}
INSTANTIATE_TEST_SUITE_P(All, Scenario, ::testing::ValuesIn(scenarios()), name_of);

}  // namespace
}  // namespace parley::test
