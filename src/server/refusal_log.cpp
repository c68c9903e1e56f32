#include "server/refusal_log.hpp"

namespace parley::server {

void RefusalLog::refused(std::string_view who, const net::Endpoint& from, std::string_view condition,
                         std::string_view why, std::string_view remedy) {
    if (!logs(LogLevel::warning)) return;
    std::string line = "refused ";
    line.append(who).append(" from ").append(from.to_string()).append(": ").append(condition);
    if (!why.empty()) line.append(", ").append(why);
    if (!remedy.empty()) line.append(". ").append(remedy);
    // Not by the name that it claims: who makes up names shall not make more lines.
    limit_.say(clock_.now(), LogLevel::warning, from.address + ' ' + std::string(condition), line);
}

void RefusalLog::unreachable(const std::string& local, const std::string& remote, std::string_view why) {
    std::string line = "no stream from " + local + " to " + remote + ": ";
    line.append(why).append(
        ". What waits is given back to its senders in time; parleyctl federation list has the rules");
    limit_.say(clock_.now(), LogLevel::warning, "to " + remote, line);
}

}  // namespace parley::server
