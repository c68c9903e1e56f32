#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>
#include <unistd.h>

namespace parley::test {

// A folder that goes away with the test. In memory where there is a file system for that: what survives a power cut is
// tested elsewhere (tests/powercut), and a busy disk would make these tests slow.
class TemporaryFolder {
public:
    TemporaryFolder() = default;
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    ~TemporaryFolder() {
        if (path_.empty()) return;
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    // Made at the first call, so that the child of a death test, which is killed, leaves none behind.
    const std::string& path() {
        if (!path_.empty()) return path_;
        const std::filesystem::path memory = "/dev/shm";
        const auto where = ::access(memory.c_str(), W_OK) == 0 ? memory : std::filesystem::temp_directory_path();
        std::string name = (where / "parley-store-XXXXXX").string();
        if (!::mkdtemp(name.data())) throw std::runtime_error("no temporary folder");
        path_ = name;
        return path_;
    }

private:
    std::string path_;
};

}  // namespace parley::test
