#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "admin/config.hpp"
#include "admin/messages/message.hpp"
#include "admin/report.hpp"
#include "admin/trace_report.hpp"
#include "base/error.hpp"
#include "im/federation_policy.hpp"
#include "im/user_policy.hpp"
#include "xmpp/sasl/scram_keys.hpp"

namespace parley::admin {

// What parleyctl and parleyd say to each other over DIR/run/ctl.sock: one JSON object a line, requests answered in the
// order they came. Passwords are not sent: parleyctl derives the keys, so that a bulk import costs the server nothing.

inline constexpr std::size_t control_request_bytes = 32 * 1024 * 1024;  // an import of 50,000 users
inline constexpr std::size_t control_response_bytes = 64 * 1024 * 1024;
inline constexpr std::size_t control_import_users = 50'000;  // a request; parleyctl sends a larger file in parts

struct UserKeys {
    std::string jid;
    xmpp::ScramKeys sha1, sha256;
    bool operator==(const UserKeys&) const = default;
};

struct AddUser {
    UserKeys user;
};
struct SetPassword {
    UserKeys user;
};
struct ImportUsers {
    std::vector<UserKeys> users;
};
struct DeleteUser {
    std::string jid;
};
struct ListUsers {
    std::string domain;
};  // empty: all
struct PutRule {
    im::DomainRule rule;
};
struct RemoveRule {
    std::string domain;
};
struct SetFederationDefault {
    bool allowed = false;
};
// What waits for a partner does not wait any longer: DNS, connections, subscriptions and messages are tried at once.
struct RetryFederation {
    std::string domain;
};
struct ListFederation {};
struct GetStatus {};
struct Reload {};
// A user's own policy.
struct GetPolicy {
    std::string jid;
};
struct ChangePolicy {
    std::string jid;
    std::optional<im::Verdict> inside{}, outside{};  // the defaults
    std::vector<std::string> who{};                  // people and domains
    std::optional<im::Verdict> verdict{};            // about those; nothing: their entries are taken out
};
// Looks at something and changes nothing; a Report answers.
struct Look {
    enum class At { partner, sessions, test, dns_plan, explain, history, sheet, refusals } at = At::partner;
    // The partner's; of dns_plan and sheet a local one, of refusals a reference too; empty, for all, of these three.
    std::string domain{};
    std::string from{};               // of test: the local domain that writes; empty: the first
    std::string watcher{}, target{};  // of explain: two people
};

// Follows messages and subscriptions (im/trace.hpp); a TraceReport answers.
struct Trace {
    enum class Do { start, stop, list, show } what = Do::list;
    std::string who{}, with{};  // of start: a user or a domain; `with` may be empty
    std::string key{};          // of stop and show: a number, or the user or domain followed; empty: the newest
    std::int64_t minutes = 5;
    bool bodies = false;  // of start: they are recorded; of show: those that were are shown
    bool forget = false;  // of stop: what it has recorded goes too
};

using Act =
    std::variant<AddUser, SetPassword, ImportUsers, DeleteUser, ListUsers, PutRule, RemoveRule, SetFederationDefault,
                 RetryFederation, ListFederation, GetStatus, Reload, GetPolicy, ChangePolicy, Look, Trace>;
std::string_view verb_of(const Act& act);  // "user.add"

struct Request {
    std::uint64_t id = 0;
    Act act;
};

enum class Outcome {
    done,
    refused,  // what was asked cannot be: no such user, not our domain, ...
    failed,   // it could have been, but the disk or the configuration is at fault
};

struct NodeStatus {
    std::string version, node_name;
    std::int64_t pid = 0;
    std::int64_t uptime_seconds = 0;
    std::vector<std::string> domains;
    std::vector<std::pair<std::string, std::string>> listeners;  // {"c2s", "127.0.0.1:5222"}
    std::vector<std::pair<std::string, std::int64_t>> counters;  // {"sessions", 12}: what the services report
    Report notices;                                              // what an administrator must not forget
    bool operator==(const NodeStatus&) const = default;
};

struct ReloadReport {
    bool applied = false;              // false: the old configuration is still in force
    std::vector<std::string> live;     // keys that changed and are in force now
    std::vector<std::string> restart;  // keys that changed and wait for the next start
    std::vector<Problem> problems;     // of the new file
    std::string failure;               // applying it failed, in words
};

using Payload = std::variant<std::monostate, std::vector<std::string>, im::FederationPolicy, NodeStatus, ReloadReport,
                             im::UserPolicy, Report, TraceReport>;

// A message travels as id and arguments: parleyctl prints it in its user's language.
struct Response {
    std::uint64_t id = 0;
    Outcome outcome = Outcome::done;
    std::string message;
    std::vector<std::string> args;
    Payload payload;

    static Response of(Outcome outcome, const Message& message, Payload payload = {}) {
        return {0, outcome, std::string(message.id.name()), message.args, std::move(payload)};
    }
    std::string text(Language language) const { return format(language, message, args); }
};

// One line without its newline. malformed: `detail` says what of it is not understood; `id` is set if it could be read.
struct RequestError {
    std::uint64_t id = 0;
    Message message;
};
std::variant<Request, RequestError> decode_request(std::string_view line);
std::string encode(const Request& request);  // with the newline
Result<Response> decode_response(std::string_view line);
std::string encode(const Response& response);

std::string to_json(const Payload& payload);  // for parleyctl --json
std::string to_json(const std::vector<Problem>& problems, const std::string& file, Language language);

// Cuts what comes from the socket into lines. Sans-I/O.
class LineBuffer {
public:
    explicit LineBuffer(std::size_t limit) : limit_(limit) {}
    void feed(std::string_view bytes) { bytes_ += bytes; }
    std::optional<std::string> next();  // a whole line, without its newline
    bool too_long() const {
        return bytes_.size() - begin_ > limit_ && bytes_.find('\n', searched_) == std::string::npos;
    }

private:
    std::size_t limit_;
    std::string bytes_;
    std::size_t begin_ = 0, searched_ = 0;
};

}  // namespace parley::admin
