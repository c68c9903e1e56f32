#include "admin/control_protocol.hpp"

#include <algorithm>

#include <boost/json.hpp>

#include "admin/federation_rule.hpp"
#include "admin/report_json.hpp"
#include "admin/user_policy_json.hpp"
#include "base/text.hpp"

namespace parley::admin {
namespace {

namespace json = boost::json;

constexpr std::size_t json_depth = 8;
// A name such as "sha1" or "domain", and what may stand under it.
const json::value* member(const json::object& object, std::string_view name) {
    return object.if_contains(name);
}

class Missing {  // thrown nowhere: the first wrong field is kept, and looked at once all are read
public:
    std::string field;
    void note(std::string_view name) {
        if (field.empty()) field = name;
    }
};

std::string text(const json::object& object, std::string_view name, Missing& missing) {
    const auto* value = member(object, name);
    if (value == nullptr || !value->is_string()) {
        missing.note(name);
        return {};
    }
    return std::string(value->get_string());
}
std::string text_or(const json::object& object, std::string_view name, std::string_view otherwise, Missing& missing) {
    return member(object, name) == nullptr ? std::string(otherwise) : text(object, name, missing);
}
bool flag(const json::object& object, std::string_view name, bool otherwise, Missing& missing) {
    const auto* value = member(object, name);
    if (value == nullptr) return otherwise;
    if (!value->is_bool()) missing.note(name);
    return value->is_bool() ? value->get_bool() : otherwise;
}
std::int64_t number(const json::object& object, std::string_view name, Missing& missing) {
    const auto* value = member(object, name);
    if (value != nullptr && value->is_int64()) return value->get_int64();
    missing.note(name);
    return 0;
}
std::vector<std::string> texts(const json::value* value, std::string_view name, Missing& missing) {
    std::vector<std::string> out;
    if (value == nullptr || !value->is_array()) {
        missing.note(name);
        return out;
    }
    for (const auto& item : value->get_array()) {
        if (item.is_string())
            out.emplace_back(item.get_string());
        else
            missing.note(name);
    }
    return out;
}
json::array array_of(const std::vector<std::string>& items) {
    json::array out;
    for (const auto& item : items) out.emplace_back(item);
    return out;
}

json::object keys_json(const xmpp::ScramKeys& keys) {
    return {{"salt", base64_encode(keys.salt)},
            {"iterations", keys.iterations},
            {"stored_key", base64_encode(keys.stored_key)},
            {"server_key", base64_encode(keys.server_key)}};
}

xmpp::ScramKeys keys_from(const json::object& object, std::string_view name, Missing& missing) {
    xmpp::ScramKeys keys;
    const auto* value = member(object, name);
    if (value == nullptr || !value->is_object()) {
        missing.note(name);
        return keys;
    }
    const auto& fields = value->get_object();
    const auto bytes = [&](std::string_view field) {
        auto decoded = base64_decode(text(fields, field, missing));
        if (!decoded) missing.note(field);
        return decoded ? *std::move(decoded) : std::string();
    };
    keys.salt = bytes("salt");
    keys.stored_key = bytes("stored_key");
    keys.server_key = bytes("server_key");
    const auto iterations = number(fields, "iterations", missing);
    if (iterations < 1 || iterations > 100'000'000)
        missing.note("iterations");
    else
        keys.iterations = static_cast<int>(iterations);
    return keys;
}

json::object user_json(const UserKeys& user) {
    return {{"jid", user.jid}, {"sha1", keys_json(user.sha1)}, {"sha256", keys_json(user.sha256)}};
}
UserKeys user_from(const json::object& object, Missing& missing) {
    return {text(object, "jid", missing), keys_from(object, "sha1", missing), keys_from(object, "sha256", missing)};
}

json::object rule_json(const im::DomainRule& rule) {
    return {{"domain", rule.domain},
            {"allowed", rule.allowed},
            {"via", to_string(rule.transport)},
            {"profile", rule.profile},
            {"tls", to_string(rule.tls)},
            {"dialback", rule.dialback},
            {"plain_dialback", rule.plain_dialback},
            {"trusted_certificate", rule.trusted_certificate},
            {"external_in", rule.external_in},
            {"external_out", rule.external_out},
            {"ask_certificate", rule.ask_certificate},
            {"direct_tls", rule.direct_tls},
            {"bidi", rule.bidi},
            {"release", rule.release},
            {"next_hop", rule.next_hop},
            {"next_hop_tls", rule.next_hop_tls},
            {"trusted_by_partner", rule.trusted_by_partner},
            {"legacy_tls_until", legacy_last_day(rule)},
            {"clearing_house", rule.clearing_house},
            {"mail_names", rule.mail_names},
            {"tls_names", array_of(rule.tls_names)},
            {"comment", rule.comment},
            {"inbound", rule.inbound},
            {"outbound", rule.outbound},
            {"subdomains", rule.subdomains}};
}
im::DomainRule rule_from(const json::object& object, Missing& missing) {
    im::DomainRule rule;
    rule.domain = text(object, "domain", missing);
    rule.allowed = flag(object, "allowed", true, missing);
    const auto transport = parse_transport(text_or(object, "via", "auto", missing));
    if (transport)
        rule.transport = *transport;
    else
        missing.note("via");
    rule.profile = text_or(object, "profile", "", missing);
    const auto tls = parse_tls_policy(text_or(object, "tls", "required", missing));
    if (tls)
        rule.tls = *tls;
    else
        missing.note("tls");
    rule.dialback = flag(object, "dialback", false, missing);
    rule.plain_dialback = flag(object, "plain_dialback", false, missing);
    rule.trusted_certificate = flag(object, "trusted_certificate", true, missing);
    rule.external_in = flag(object, "external_in", true, missing);
    rule.external_out = flag(object, "external_out", true, missing);
    rule.ask_certificate = flag(object, "ask_certificate", true, missing);
    rule.direct_tls = flag(object, "direct_tls", true, missing);
    rule.bidi = flag(object, "bidi", true, missing);
    rule.release = text_or(object, "release", "", missing);
    rule.next_hop = text_or(object, "next_hop", "", missing);
    rule.next_hop_tls = flag(object, "next_hop_tls", true, missing);
    rule.trusted_by_partner = flag(object, "trusted_by_partner", false, missing);
    if (const auto day = text_or(object, "legacy_tls_until", "", missing); !day.empty()) {
        const auto until = parse_last_day(day);
        until ? void(rule.legacy_tls_until = *until) : missing.note("legacy_tls_until");
    }
    rule.clearing_house = text_or(object, "clearing_house", "", missing);
    rule.mail_names = flag(object, "mail_names", true, missing);
    if (const auto* names = member(object, "tls_names")) rule.tls_names = texts(names, "tls_names", missing);
    rule.comment = text_or(object, "comment", "", missing);
    rule.inbound = flag(object, "inbound", true, missing);
    rule.outbound = flag(object, "outbound", true, missing);
    rule.subdomains = flag(object, "subdomains", false, missing);
    return rule;
}

json::object message_json(const Message& message) {
    return {{"id", message.id.name()}, {"args", array_of(message.args)}};
}
std::optional<Message> message_from(const json::value* value, Missing& missing) {
    if (value == nullptr || !value->is_object()) return std::nullopt;
    const auto& object = value->get_object();
    const auto id = MessageId::find(text(object, "id", missing));
    if (!id) return std::nullopt;
    return Message{*id, texts(member(object, "args"), "args", missing)};
}

json::object problem_json(const Problem& problem) {
    json::object object{
        {"what", message_json(problem.what)}, {"severity", problem.severity == Severity::error ? "error" : "warning"},
        {"line", problem.place.line},         {"column", problem.place.column},
        {"length", problem.place.length},     {"source", problem.source_line}};
    if (problem.fix) object["fix"] = message_json(*problem.fix);
    return object;
}
std::optional<Problem> problem_from(const json::object& object, Missing& missing) {
    auto what = message_from(member(object, "what"), missing);
    if (!what) return std::nullopt;
    const auto count = [&](std::string_view name) {
        return static_cast<std::size_t>(std::max<std::int64_t>(0, number(object, name, missing)));
    };
    return Problem{*std::move(what),
                   {count("line"), count("column"), count("length")},
                   message_from(member(object, "fix"), missing),
                   text(object, "severity", missing) == "warning" ? Severity::warning : Severity::error,
                   text(object, "source", missing)};
}

// boost::json recurses over depth only, which is limited here.
std::optional<json::object> parse_object(std::string_view line) {
    json::parse_options options;
    options.max_depth = json_depth;
    json::error_code failed;
    auto value = json::parse(json::string_view(line.data(), line.size()), failed, {}, options);
    if (failed || !value.is_object()) return std::nullopt;
    return std::move(value.get_object());
}

// Which of the words the field holds: their order is that of the enumeration.
template <typename Enum, std::size_t count>
Enum word_from(const json::object& o, std::string_view name, const std::string_view (&words)[count], Missing& missing) {
    const auto found = std::find(std::begin(words), std::end(words), text(o, name, missing));
    if (found != std::end(words)) return static_cast<Enum>(found - std::begin(words));
    missing.note(name);
    return {};
}

constexpr std::string_view looks[] = {"partner", "sessions", "test",  "dns_plan",
                                      "explain", "history",  "sheet", "refusals"};

Look look_from(const json::object& o, Missing& missing) {
    Look look;
    look.at = word_from<Look::At>(o, "at", looks, missing);
    look.domain = text_or(o, "domain", "", missing);
    look.from = text_or(o, "from", "", missing);
    look.watcher = text_or(o, "watcher", "", missing);
    look.target = text_or(o, "target", "", missing);
    return look;
}

constexpr std::string_view tracings[] = {"start", "stop", "list", "show"};

Trace trace_from(const json::object& o, Missing& missing) {
    Trace trace;
    trace.what = word_from<Trace::Do>(o, "do", tracings, missing);
    trace.who = text_or(o, "who", "", missing);
    trace.with = text_or(o, "with", "", missing);
    trace.key = text_or(o, "key", "", missing);
    if (member(o, "minutes") != nullptr) trace.minutes = number(o, "minutes", missing);
    trace.bodies = flag(o, "bodies", false, missing);
    trace.forget = flag(o, "forget", false, missing);
    return trace;
}

std::optional<im::Verdict> verdict_or_none(const json::object& o, std::string_view name, Missing& missing) {
    const auto word = text_or(o, name, "", missing);
    if (word.empty()) return std::nullopt;
    const auto verdict = im::verdict_of(word);
    if (!verdict) missing.note(name);
    return verdict;
}

ChangePolicy policy_change_from(const json::object& o, Missing& missing) {
    ChangePolicy change;
    change.jid = text(o, "jid", missing);
    change.inside = verdict_or_none(o, "inside", missing);
    change.outside = verdict_or_none(o, "outside", missing);
    if (member(o, "who")) change.who = texts(member(o, "who"), "who", missing);
    change.verdict = verdict_or_none(o, "verdict", missing);
    if (change.verdict == im::Verdict::ask) missing.note("verdict");
    return change;
}

std::optional<Act> act_from(std::string_view verb, const json::object& o, Missing& missing) {
    if (verb == "user.add") return AddUser{user_from(o, missing)};
    if (verb == "user.passwd") return SetPassword{user_from(o, missing)};
    if (verb == "user.del") return DeleteUser{text(o, "jid", missing)};
    if (verb == "user.list") return ListUsers{text_or(o, "domain", "", missing)};
    if (verb == "user.import") {
        ImportUsers import;
        const auto* users = member(o, "users");
        if (users == nullptr || !users->is_array() || users->get_array().size() > control_import_users) {
            missing.note("users");
            return import;
        }
        for (const auto& item : users->get_array()) {
            if (item.is_object())
                import.users.push_back(user_from(item.get_object(), missing));
            else
                missing.note("users");
        }
        return import;
    }
    if (verb == "federation.put") {
        const auto* rule = member(o, "rule");
        if (rule != nullptr && rule->is_object()) return PutRule{rule_from(rule->get_object(), missing)};
        missing.note("rule");
        return PutRule{};
    }
    if (verb == "federation.remove") return RemoveRule{text(o, "domain", missing)};
    if (verb == "federation.default") {
        if (member(o, "allowed") == nullptr) missing.note("allowed");
        return SetFederationDefault{flag(o, "allowed", false, missing)};
    }
    if (verb == "federation.retry") return RetryFederation{text(o, "domain", missing)};
    if (verb == "federation.list") return ListFederation{};
    if (verb == "status") return GetStatus{};
    if (verb == "reload") return Reload{};
    if (verb == "policy.get") return GetPolicy{text(o, "jid", missing)};
    if (verb == "policy.change") return policy_change_from(o, missing);
    if (verb == "look") return look_from(o, missing);
    if (verb == "trace") return trace_from(o, missing);
    return std::nullopt;
}

struct ActFields {
    json::object& out;
    void operator()(const AddUser& a) const { put(a.user); }
    void operator()(const SetPassword& a) const { put(a.user); }
    void operator()(const ImportUsers& a) const {
        json::array users;
        for (const auto& user : a.users) users.emplace_back(user_json(user));
        out["users"] = std::move(users);
    }
    void operator()(const DeleteUser& a) const { out["jid"] = a.jid; }
    void operator()(const ListUsers& a) const {
        if (!a.domain.empty()) out["domain"] = a.domain;
    }
    void operator()(const PutRule& a) const { out["rule"] = rule_json(a.rule); }
    void operator()(const RemoveRule& a) const { out["domain"] = a.domain; }
    void operator()(const SetFederationDefault& a) const { out["allowed"] = a.allowed; }
    void operator()(const RetryFederation& a) const { out["domain"] = a.domain; }
    void operator()(const ListFederation&) const {}
    void operator()(const GetStatus&) const {}
    void operator()(const Reload&) const {}
    void operator()(const GetPolicy& a) const { out["jid"] = a.jid; }
    void operator()(const ChangePolicy& a) const {
        out["jid"] = a.jid;
        if (a.inside) out["inside"] = im::to_string(*a.inside);
        if (a.outside) out["outside"] = im::to_string(*a.outside);
        if (!a.who.empty()) out["who"] = array_of(a.who);
        if (a.verdict) out["verdict"] = im::to_string(*a.verdict);
    }
    void operator()(const Look& a) const {
        if (!a.watcher.empty()) out["watcher"] = a.watcher;
        if (!a.target.empty()) out["target"] = a.target;
        out["at"] = looks[static_cast<std::size_t>(a.at)];
        out["domain"] = a.domain;
        out["from"] = a.from;
    }
    void operator()(const Trace& a) const {
        out["do"] = tracings[static_cast<std::size_t>(a.what)];
        out["who"] = a.who;
        out["with"] = a.with;
        out["key"] = a.key;
        out["minutes"] = a.minutes;
        out["bodies"] = a.bodies;
        out["forget"] = a.forget;
    }
    void put(const UserKeys& user) const {
        for (auto& [name, value] : user_json(user)) out[name] = value;
    }
};

template <class... F>
struct Overload : F... {
    using F::operator()...;
};
template <class... F>
Overload(F...) -> Overload<F...>;

json::value payload_json(const Payload& payload) {
    return std::visit(Overload{
                          [](std::monostate) -> json::value { return nullptr; },
                          [](const std::vector<std::string>& users) -> json::value {
                              return json::object{{"users", array_of(users)}};
                          },
                          [](const im::FederationPolicy& policy) -> json::value {
                              json::array rules;
                              for (const auto& [domain, rule] : policy.rules) rules.emplace_back(rule_json(rule));
                              return json::object{{"xmpp_default", policy.xmpp_default_allowed ? "allow" : "deny"},
                                                  {"rules", std::move(rules)}};
                          },
                          [](const NodeStatus& status) -> json::value {
                              json::array listeners;
                              for (const auto& [name, address] : status.listeners)
                                  listeners.emplace_back(json::object{{"name", name}, {"address", address}});
                              json::object counters;
                              for (const auto& [name, count] : status.counters) counters[name] = count;
                              return json::object{{"version", status.version},
                                                  {"node", status.node_name},
                                                  {"pid", status.pid},
                                                  {"uptime_seconds", status.uptime_seconds},
                                                  {"domains", array_of(status.domains)},
                                                  {"listeners", std::move(listeners)},
                                                  {"counters", std::move(counters)},
                                                  {"notices", report_json(status.notices)}};
                          },
                          [](const ReloadReport& report) -> json::value {
                              json::array problems;
                              for (const auto& problem : report.problems) problems.emplace_back(problem_json(problem));
                              return json::object{{"applied", report.applied},
                                                  {"live", array_of(report.live)},
                                                  {"restart", array_of(report.restart)},
                                                  {"failure", report.failure},
                                                  {"problems", std::move(problems)}};
                          },
                          [](const im::UserPolicy& policy) -> json::value { return user_policy_json(policy); },
                          [](const Report& report) -> json::value { return report_json(report); },
                          [](const TraceReport& report) -> json::value { return trace_json(report); },
                      },
                      payload);
}

}  // namespace

std::string_view verb_of(const Act& act) {
    static constexpr std::string_view verbs[] = {"user.add",
                                                 "user.passwd",
                                                 "user.import",
                                                 "user.del",
                                                 "user.list",
                                                 "federation.put",
                                                 "federation.remove",
                                                 "federation.default",
                                                 "federation.retry",
                                                 "federation.list",
                                                 "status",
                                                 "reload",
                                                 "policy.get",
                                                 "policy.change",
                                                 "look",
                                                 "trace"};
    static_assert(std::size(verbs) == std::variant_size_v<Act>);
    return verbs[act.index()];
}

std::variant<Request, RequestError> decode_request(std::string_view line) {
    const auto object = parse_object(line);
    if (!object) return RequestError{0, {"act.bad-request", {"JSON"}}};
    std::uint64_t id = 0;
    if (const auto* value = member(*object, "id"); value != nullptr && value->is_int64() && value->get_int64() >= 0)
        id = static_cast<std::uint64_t>(value->get_int64());
    Missing missing;
    const auto verb = text(*object, "verb", missing);
    auto act = act_from(verb, *object, missing);
    if (!act) return RequestError{id, {"act.unknown-verb", {verb}}};
    if (!missing.field.empty()) return RequestError{id, {"act.bad-request", {missing.field}}};
    return Request{id, *std::move(act)};
}

std::string encode(const Request& request) {
    json::object object{{"id", request.id}, {"verb", verb_of(request.act)}};
    std::visit(ActFields{object}, request.act);
    return json::serialize(object) + "\n";
}

std::string encode(const Response& response) {
    static constexpr std::string_view outcomes[] = {"done", "refused", "failed"};
    json::object object{{"id", response.id},
                        {"outcome", outcomes[static_cast<std::size_t>(response.outcome)]},
                        {"message", response.message},
                        {"args", array_of(response.args)}};
    static constexpr std::string_view kinds[] = {"",       "users",  "federation", "status",
                                                 "reload", "policy", "report",     "trace"};
    static_assert(std::size(kinds) == std::variant_size_v<Payload>);
    if (response.payload.index() != 0) {
        object["kind"] = kinds[response.payload.index()];
        object["result"] = payload_json(response.payload);
    }
    return json::serialize(object) + "\n";
}

Result<Response> decode_response(std::string_view line) {
    const auto object = parse_object(line);
    if (!object) return Error{Errc::malformed, "not a JSON object"};
    Missing missing;
    Response response;
    response.id = static_cast<std::uint64_t>(std::max<std::int64_t>(0, number(*object, "id", missing)));
    const auto outcome = text(*object, "outcome", missing);
    response.outcome = outcome == "done" ? Outcome::done : outcome == "refused" ? Outcome::refused : Outcome::failed;
    response.message = text(*object, "message", missing);
    response.args = texts(member(*object, "args"), "args", missing);
    const auto kind = text_or(*object, "kind", "", missing);
    if (!kind.empty()) {
        const auto* result = member(*object, "result");
        if (result == nullptr || !result->is_object()) return Error{Errc::malformed, "result"};
        const auto& fields = result->get_object();
        if (kind == "users") {
            response.payload = texts(member(fields, "users"), "users", missing);
        } else if (kind == "federation") {
            im::FederationPolicy policy;
            policy.xmpp_default_allowed = text(fields, "xmpp_default", missing) == "allow";
            const auto* rules = member(fields, "rules");
            if (rules == nullptr || !rules->is_array()) return Error{Errc::malformed, "rules"};
            for (const auto& item : rules->get_array()) {
                if (!item.is_object()) return Error{Errc::malformed, "rules"};
                auto rule = rule_from(item.get_object(), missing);
                policy.rules[rule.domain] = std::move(rule);
            }
            response.payload = std::move(policy);
        } else if (kind == "policy") {
            auto policy = user_policy_from(fields);
            if (!policy) return Error{Errc::malformed, "entries"};
            response.payload = *std::move(policy);
        } else if (kind == "status") {
            NodeStatus status;
            status.version = text(fields, "version", missing);
            status.node_name = text(fields, "node", missing);
            status.pid = number(fields, "pid", missing);
            status.uptime_seconds = number(fields, "uptime_seconds", missing);
            status.domains = texts(member(fields, "domains"), "domains", missing);
            if (const auto* listeners = member(fields, "listeners"); listeners != nullptr && listeners->is_array())
                for (const auto& item : listeners->get_array())
                    if (item.is_object())
                        status.listeners.emplace_back(text(item.get_object(), "name", missing),
                                                      text(item.get_object(), "address", missing));
            if (const auto* counters = member(fields, "counters"); counters != nullptr && counters->is_object())
                for (const auto& [name, value] : counters->get_object())
                    if (value.is_int64()) status.counters.emplace_back(std::string(name), value.get_int64());
            const auto* notices = member(fields, "notices");
            auto said = notices != nullptr && notices->is_object() ? report_from(notices->get_object()) : std::nullopt;
            said ? void(status.notices = *std::move(said)) : missing.note("notices");
            response.payload = std::move(status);
        } else if (kind == "reload") {
            ReloadReport report;
            report.applied = flag(fields, "applied", false, missing);
            report.live = texts(member(fields, "live"), "live", missing);
            report.restart = texts(member(fields, "restart"), "restart", missing);
            report.failure = text(fields, "failure", missing);
            const auto* problems = member(fields, "problems");
            if (problems == nullptr || !problems->is_array()) return Error{Errc::malformed, "problems"};
            for (const auto& item : problems->get_array()) {
                auto problem = item.is_object() ? problem_from(item.get_object(), missing) : std::nullopt;
                if (!problem) return Error{Errc::malformed, "problems"};
                report.problems.push_back(*std::move(problem));
            }
            response.payload = std::move(report);
        } else if (kind == "report") {
            auto report = report_from(fields);
            if (!report) return Error{Errc::malformed, "findings"};
            response.payload = *std::move(report);
        } else if (kind == "trace") {
            auto report = trace_report_from(fields);
            if (!report) return Error{Errc::malformed, "events"};
            response.payload = *std::move(report);
        } else {
            return Error{Errc::malformed, "kind"};
        }
    }
    if (!missing.field.empty()) return Error{Errc::malformed, missing.field};
    return response;
}

std::string to_json(const Payload& payload) {
    return json::serialize(payload_json(payload));
}

std::string to_json(const std::vector<Problem>& problems, const std::string& file, Language language) {
    json::array out;
    for (const auto& problem : problems) {
        auto object = problem_json(problem);
        object["id"] = problem.what.id.name();
        object["text"] = problem.what.in(language);
        object["suggestion"] = problem.fix ? json::value(problem.fix->in(language)) : json::value(nullptr);
        object.erase("what");
        object.erase("fix");
        out.emplace_back(std::move(object));
    }
    return json::serialize(json::object{{"file", file}, {"problems", std::move(out)}});
}

std::optional<std::string> LineBuffer::next() {
    const auto end = bytes_.find('\n', searched_);
    if (end == std::string::npos) {
        searched_ = bytes_.size();
        if (begin_ != 0) {
            bytes_.erase(0, begin_);
            searched_ -= begin_;
            begin_ = 0;
        }
        return std::nullopt;
    }
    auto line = bytes_.substr(begin_, end - begin_);
    begin_ = searched_ = end + 1;
    return line;
}

}  // namespace parley::admin
