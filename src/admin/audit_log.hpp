#pragma once

#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/error.hpp"

namespace parley::admin {

struct AuditLine {
    std::string actor;   // who asked: "uid 1000 (carol)"
    std::string act;     // the verb of the request: "user.add"
    std::string target;  // the user or domain
    std::string detail;  // never a password or a key
};

// The trail of administrative acts: a file that only grows, one JSON object a line. A line is on disk before what it
// tells of happens, so no act can be without one; an act that then fails gets a second line that says so.
class AuditLog {
public:
    // Makes the file (0640) if it is not there.
    static Result<AuditLog> open(const std::string& file);
    AuditLog(AuditLog&& other) noexcept;
    AuditLog& operator=(AuditLog&& other) noexcept;
    ~AuditLog();

    // Blocks for an fdatasync. Errc::storage: the line is not safe, do not act.
    Result<void> append(const AuditLine& line, TimePoint now);

private:
    explicit AuditLog(int file) : file_(file) {}
    int file_;
};

std::string format_time(TimePoint time);  // RFC 3339, UTC, milliseconds

}  // namespace parley::admin
