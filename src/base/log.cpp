#include "base/log.hpp"

#include <atomic>
#include <memory>
#include <mutex>

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace parley {
namespace {

constexpr std::size_t longest_text = 2000;
constexpr auto pattern = "%Y-%m-%dT%H:%M:%S.%eZ %l %v";

spdlog::level::level_enum of(LogLevel level) {
    switch (level) {
        case LogLevel::debug: return spdlog::level::debug;
        case LogLevel::info: return spdlog::level::info;
        case LogLevel::warning: return spdlog::level::warn;
        case LogLevel::error: break;
    }
    return spdlog::level::err;
}

std::shared_ptr<spdlog::logger> make(spdlog::sink_ptr sink, spdlog::level::level_enum level) {
    auto logger = std::make_shared<spdlog::logger>("parley", std::move(sink));
    logger->set_pattern(pattern, spdlog::pattern_time_type::utc);
    logger->set_level(level);
    logger->flush_on(spdlog::level::info);  // a killed process has written what it said
    return logger;
}

struct State {
    std::mutex mutex;  // for changes; a line takes the shared pointer and no lock of ours
    std::shared_ptr<spdlog::logger> logger =
        make(std::make_shared<spdlog::sinks::stderr_sink_mt>(), spdlog::level::warn);
    std::string file;
};

State& state() {
    static State value;
    return value;
}

Result<spdlog::sink_ptr> sink_for(const std::string& file) {
    if (file.empty()) return spdlog::sink_ptr(std::make_shared<spdlog::sinks::stderr_sink_mt>());
    try {
        return spdlog::sink_ptr(std::make_shared<spdlog::sinks::basic_file_sink_mt>(file));
    } catch (const spdlog::spdlog_ex& error) {
        return Error{Errc::storage, error.what()};
    }
}

}  // namespace

Result<void> start_log(LogLevel level, const std::string& file) {
    auto sink = sink_for(file);
    if (!sink) return sink.error();
    auto& s = state();
    const std::lock_guard lock(s.mutex);
    s.file = file;
    std::atomic_store(&s.logger, make(*std::move(sink), of(level)));
    return {};
}

void set_log_level(LogLevel level) {
    std::atomic_load(&state().logger)->set_level(of(level));
}

void reopen_log() {
    auto& s = state();
    const std::lock_guard lock(s.mutex);
    if (s.file.empty()) return;
    auto sink = sink_for(s.file);
    if (sink) std::atomic_store(&s.logger, make(*std::move(sink), std::atomic_load(&s.logger)->level()));
}

bool logs(LogLevel level) {
    return std::atomic_load(&state().logger)->should_log(of(level));
}

void log(LogLevel level, std::string_view session, std::string_view text) {
    const auto logger = std::atomic_load(&state().logger);
    if (!logger->should_log(of(level))) return;
    std::string line(session.empty() ? std::string_view("-") : session);
    line += ' ';
    for (const char c : text.substr(0, longest_text)) {
        const auto byte = static_cast<unsigned char>(c);
        line += byte < 0x20 || byte == 0x7F ? '?' : c;
    }
    logger->log(of(level), "{}", line);
}

}  // namespace parley
