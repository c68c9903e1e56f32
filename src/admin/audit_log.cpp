#include "admin/audit_log.hpp"

#include <cerrno>
#include <ctime>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <boost/json.hpp>

namespace parley::admin {

Result<AuditLog> AuditLog::open(const std::string& file) {
    const int opened = ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (opened < 0) return Error{Errc::storage, file + ": " + std::generic_category().message(errno)};
    return AuditLog(opened);
}

AuditLog::AuditLog(AuditLog&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
AuditLog& AuditLog::operator=(AuditLog&& other) noexcept {
    std::swap(file_, other.file_);
    return *this;
}
AuditLog::~AuditLog() {
    if (file_ >= 0) ::close(file_);
}

std::string format_time(TimePoint time) {
    const auto milliseconds = time.time_since_epoch().count();
    const auto seconds = static_cast<std::time_t>(milliseconds / 1000);
    std::tm broken{};
    gmtime_r(&seconds, &broken);
    char text[32] = {};
    const auto length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &broken);
    auto fraction = std::to_string(milliseconds % 1000);
    fraction.insert(0, 3 - fraction.size(), '0');
    return std::string(text, length) + '.' + fraction + 'Z';
}

Result<void> AuditLog::append(const AuditLine& line, TimePoint now) {
    boost::json::object object{
        {"time", format_time(now)}, {"actor", line.actor}, {"act", line.act}, {"target", line.target}};
    if (!line.detail.empty()) object["detail"] = line.detail;
    // One write: with O_APPEND lines of two processes do not mix.
    const auto text = boost::json::serialize(object) + "\n";
    const auto written = ::write(file_, text.data(), text.size());
    if (written != static_cast<ssize_t>(text.size()) || ::fdatasync(file_) != 0)
        return Error{Errc::storage, std::generic_category().message(
                                        written < 0 || written == static_cast<ssize_t>(text.size()) ? errno : ENOSPC)};
    return {};
}

}  // namespace parley::admin
