#include "sip/dialog_record.hpp"

#include "base/text.hpp"
#include "sip/limits.hpp"

namespace parley::sip {
namespace {

// "name length:bytes\n" for each field: any bytes, readable in the store, and a field more does no harm to an older
// reader.
constexpr std::string_view version = "dialog/1\n";

void put(std::string& out, std::string_view name, std::string_view value) {
    if (value.empty()) return;
    out.append(name).append(" ").append(std::to_string(value.size())).append(":").append(value).append("\n");
}

std::string number(std::int64_t value) {
    return value == 0 ? std::string{} : std::to_string(value);
}

Result<void> take(DialogRecord& record, std::string_view name, std::string_view value) {
    const Error bad{Errc::malformed, "dialog record: " + std::string(name)};
    if (name == "role") {
        const auto role = parse_number<int>(value);
        if (!role || *role < 1 || *role > 3) return bad;
        record.role = static_cast<DialogRecord::Role>(*role);
    } else if (name == "call-id") {
        record.call_id = std::string(value);
    } else if (name == "local-tag") {
        record.local_tag = std::string(value);
    } else if (name == "remote-tag") {
        record.remote_tag = std::string(value);
    } else if (name == "local-uri") {
        record.local_uri = std::string(value);
    } else if (name == "remote-uri") {
        record.remote_uri = std::string(value);
    } else if (name == "local-domain") {
        record.local_domain = std::string(value);
    } else if (name == "remote-domain") {
        record.remote_domain = std::string(value);
    } else if (name == "target") {
        record.remote_target = std::string(value);
    } else if (name == "route") {
        if (record.route_set.size() == limit::route_set) return bad;
        record.route_set.emplace_back(value);
    } else if (name == "local-cseq" || name == "remote-cseq") {
        const auto n = parse_number<std::uint32_t>(value);
        if (!n || *n > limit::max_cseq) return bad;
        (name == "local-cseq" ? record.local_cseq : record.remote_cseq) = *n;
    } else if (name == "tcp") {
        record.tls = false;
    } else if (name == "event") {
        record.event = std::string(value);
    } else if (name == "event-id") {
        record.event_id = std::string(value);
    } else if (name == "state") {
        record.state = std::string(value);
    } else if (name == "expires") {
        const auto at = parse_number<std::int64_t>(value);
        if (!at) return bad;
        record.expires_at = TimePoint{Millis{*at}};
    } else if (name == "note") {
        record.note = std::string(value);
    }
    return {};
}

}  // namespace

std::string encode(const DialogRecord& record) {
    std::string out(version);
    put(out, "role", std::to_string(static_cast<int>(record.role)));
    put(out, "call-id", record.call_id);
    put(out, "local-tag", record.local_tag);
    put(out, "remote-tag", record.remote_tag);
    put(out, "local-uri", record.local_uri);
    put(out, "remote-uri", record.remote_uri);
    put(out, "local-domain", record.local_domain);
    put(out, "remote-domain", record.remote_domain);
    put(out, "target", record.remote_target);
    for (const auto& route : record.route_set) put(out, "route", route);
    put(out, "local-cseq", number(record.local_cseq));
    put(out, "remote-cseq", number(record.remote_cseq));
    if (!record.tls) put(out, "tcp", "1");
    put(out, "event", record.event);
    put(out, "event-id", record.event_id);
    put(out, "state", record.state);
    put(out, "expires", number(record.expires_at.time_since_epoch().count()));
    put(out, "note", record.note);
    return out;
}

Result<DialogRecord> decode_dialog_record(std::string_view row) {
    const Error bad{Errc::malformed, "dialog record"};
    if (!row.starts_with(version)) return bad;
    row.remove_prefix(version.size());
    DialogRecord record;
    while (!row.empty()) {
        const auto space = row.find(' ');
        const auto colon = row.find(':', space);
        if (space == std::string_view::npos || colon == std::string_view::npos) return bad;
        const auto size = parse_number<std::size_t>(row.substr(space + 1, colon - space - 1));
        if (!size || *size >= row.size() - colon - 1 || row[colon + 1 + *size] != '\n') return bad;
        if (const auto done = take(record, row.substr(0, space), row.substr(colon + 1, *size)); !done)
            return done.error();
        row.remove_prefix(colon + *size + 2);
    }
    if (record.call_id.empty() || record.local_tag.empty() || record.remote_tag.empty() || record.remote_target.empty())
        return bad;
    return record;
}

}  // namespace parley::sip
