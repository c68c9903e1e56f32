#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"

namespace parley {

// The log of the process: lines "time level session text" to standard error or a file. From any thread. Until
// start_log() nothing is written below warning, and that to standard error.
enum class LogLevel { debug, info, warning, error };

// `file` empty: standard error. Error: the file cannot be opened; the log stays where it was.
Result<void> start_log(LogLevel level, const std::string& file);
void set_log_level(LogLevel level);  // at any time (reload)
void reopen_log();                   // after logrotate moved the file; also at each reload
bool logs(LogLevel level);           // whether such a line would be written: ask before a costly text

// `session` is the id under which all lines of one connection or dialog stand, empty for the process itself. Control
// characters of `text` are replaced: what a peer sends cannot forge a line. Never pass passwords, keys or message
// bodies.
void log(LogLevel level, std::string_view session, std::string_view text);

}  // namespace parley
