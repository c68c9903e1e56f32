#include "base/log.hpp"

#include <filesystem>
#include <fstream>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

namespace parley {
namespace {

TEST(Log, WritesWholeLinesThatAPeerCannotForge) {
    const auto file = (std::filesystem::temp_directory_path() / ("parley-log-" + std::to_string(::getpid()))).string();
    ASSERT_TRUE(start_log(LogLevel::info, file));
    EXPECT_FALSE(logs(LogLevel::debug));
    log(LogLevel::debug, "", "unseen");
    log(LogLevel::info, "c17", "stream of {evil}\n2026-01-01 error forged");
    set_log_level(LogLevel::error);
    log(LogLevel::warning, "", "unseen");
    log(LogLevel::error, "", std::string(10'000, 'x'));
    ASSERT_TRUE(std::filesystem::remove(file));  // as logrotate does
    log(LogLevel::error, "", "to the old file");
    reopen_log();
    log(LogLevel::error, "", "to the new file");
    std::vector<std::string> lines;
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_TRUE(lines[0].ends_with("Z error - to the new file")) << lines[0];
    std::filesystem::remove(file);
    ASSERT_TRUE(start_log(LogLevel::info, file));
    log(LogLevel::info, "c17", "stream of {evil}\n2026-01-01 error forged");
    in = std::ifstream(file);
    std::string line;
    std::getline(in, line);
    EXPECT_TRUE(line.ends_with("Z info c17 stream of {evil}?2026-01-01 error forged")) << line;
    EXPECT_FALSE(start_log(LogLevel::info, "/proc/nowhere/all.log"));
    ASSERT_TRUE(start_log(LogLevel::warning, ""));
    std::filesystem::remove(file);
}

}  // namespace
}  // namespace parley
