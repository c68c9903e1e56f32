#include "admin/config_schema.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/text.hpp"

namespace parley::admin {
namespace {

constexpr std::size_t longest_string = 4096;
constexpr std::size_t most_addresses = 64, most_domains = 1000;

Message type_name(Node::Kind kind) {
    switch (kind) {
        case Node::Kind::string: return {"type.string", {}};
        case Node::Kind::integer: return {"type.integer", {}};
        case Node::Kind::real: return {"type.real", {}};
        case Node::Kind::boolean: return {"type.boolean", {}};
        case Node::Kind::datetime: return {"type.datetime", {}};
        case Node::Kind::array: return {"type.array", {}};
        case Node::Kind::table: break;
    }
    return {"type.table", {}};
}

// Reads typed values and notes what is wrong with them; each returns nothing after having said why.
class Reader {
public:
    Reader(const Document& document, std::filesystem::path directory, std::vector<Problem>& problems)
        : document_(document), directory_(std::move(directory)), problems_(problems) {}

    void problem(Message what, Place place, std::optional<Message> fix = std::nullopt) {
        auto line = document_.line(place.line);
        problems_.push_back({std::move(what), place, std::move(fix), Severity::error, std::move(line)});
    }
    void wrong_type(const Node& node, Message wanted, std::optional<Message> fix) {
        problem({"config.wrong-type",
                 {'@' + std::string(type_name(node.kind).id.name()), '@' + std::string(wanted.id.name())}},
                node.place, std::move(fix));
    }
    std::string written(const Node& node) const {
        const auto line = document_.line(node.place.line);
        return node.place.column == 0 ? std::string()
                                      : line.substr(std::min(node.place.column - 1, line.size()), node.place.length);
    }
    std::optional<std::string> string(const Node& node, std::size_t least = 0, std::size_t most = longest_string) {
        if (node.kind == Node::Kind::array && node.items.size() == 1 && node.items[0].kind == Node::Kind::string) {
            wrong_type(node, {"type.string", {}}, Message{"fix.write", {'"' + node.items[0].text + '"'}});
            return std::nullopt;
        }
        if (node.kind != Node::Kind::string) {
            const bool simple = node.kind != Node::Kind::array && node.kind != Node::Kind::table;
            wrong_type(node, {"type.string", {}},
                       simple ? std::optional(Message{"fix.quote", {'"' + written(node) + '"'}}) : std::nullopt);
            return std::nullopt;
        }
        if (node.text.size() < least) {
            problem({"config.too-short", {}}, node.place, Message{"fix.check-path", {}});
            return std::nullopt;
        }
        if (node.text.size() > most) {
            problem({"config.too-long", {std::to_string(most)}}, node.place,
                    Message{"fix.range", {std::to_string(least), std::to_string(most)}});
            return std::nullopt;
        }
        return node.text;
    }
    std::optional<std::int64_t> integer(const Node& node, std::int64_t least, std::int64_t most) {
        if (node.kind != Node::Kind::integer) {
            const auto digits = node.kind == Node::Kind::string ? trim(node.text) : std::string_view();
            wrong_type(node, {"type.integer", {}},
                       parse_number<std::int64_t>(digits)
                           ? Message{"fix.unquote", {std::string(digits)}}
                           : Message{"fix.range", {std::to_string(least), std::to_string(most)}});
            return std::nullopt;
        }
        if (node.too_big || node.number < least || node.number > most) {
            problem({"config.out-of-range", {written(node)}}, node.place,
                    Message{"fix.range", {std::to_string(least), std::to_string(most)}});
            return std::nullopt;
        }
        return node.number;
    }
    std::optional<bool> boolean(const Node& node) {
        if (node.kind == Node::Kind::boolean) return node.flag;
        const auto lower = node.kind == Node::Kind::string ? to_lower(node.text) : std::string();
        const bool yes = lower == "true" || lower == "yes" || lower == "on" ||
                         (node.kind == Node::Kind::integer && node.number == 1);
        const bool no = lower == "false" || lower == "no" || lower == "off" ||
                        (node.kind == Node::Kind::integer && node.number == 0);
        wrong_type(node, {"type.boolean", {}},
                   yes  ? Message{"fix.write", {"true"}}
                   : no ? Message{"fix.write", {"false"}}
                        : Message{"fix.write-either", {"true", "false"}});
        return std::nullopt;
    }
    std::optional<std::size_t> one_of(const Node& node, const std::vector<std::string>& words) {
        const auto text = string(node);
        if (!text) return std::nullopt;
        const auto found = std::find(words.begin(), words.end(), *text);
        if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
        const auto near = closest(*text, words);
        problem({"config.not-one-of", {*text}}, node.place,
                near ? Message{"fix.did-you-mean", {'"' + *near + '"'}} : Message{"fix.one-of", {join(words)}});
        return std::nullopt;
    }
    std::optional<std::int64_t> duration(const Node& node, std::int64_t least, std::int64_t most) {
        if (node.kind == Node::Kind::integer) {
            wrong_type(node, {"type.string", {}}, Message{"fix.write", {'"' + written(node) + "s\""}});
            return std::nullopt;
        }
        const auto text = string(node);
        if (!text) return std::nullopt;
        const auto value = parse_duration_ms(*text);
        if (!value) {
            problem({"config.bad-duration", {*text}}, node.place, Message{"fix.duration-units", {}});
            return std::nullopt;
        }
        return within(node, *value, least, most, format_duration);
    }
    std::optional<std::int64_t> size(const Node& node, std::int64_t least, std::int64_t most) {
        if (node.kind == Node::Kind::integer) {
            if (node.too_big) {
                problem({"config.out-of-range", {written(node)}}, node.place,
                        Message{"fix.range", {format_size(least), format_size(most)}});
                return std::nullopt;
            }
            return within(node, node.number, least, most, format_size);
        }
        const auto text = string(node);
        if (!text) return std::nullopt;
        const auto value = parse_size(*text);
        if (!value) {
            problem({"config.bad-size", {*text}}, node.place, Message{"fix.size-units", {}});
            return std::nullopt;
        }
        return within(node, *value, least, most, format_size);
    }
    std::vector<std::pair<std::string, Place>> strings(const Node& node, std::size_t most) {
        std::vector<std::pair<std::string, Place>> out;
        if (node.kind != Node::Kind::array) {
            const auto text = node.kind == Node::Kind::string ? '"' + node.text + '"' : written(node);
            wrong_type(node, {"type.array-of-strings", {}}, Message{"fix.brackets", {'[' + text + ']'}});
            return out;
        }
        if (node.items.size() > most) {
            problem({"config.too-many", {std::to_string(most)}}, node.place);
            return out;
        }
        for (const auto& item : node.items) {
            if (auto text = string(item)) {
                const bool twice =
                    std::any_of(out.begin(), out.end(), [&](const auto& other) { return other.first == *text; });
                if (twice)
                    problem({"config.duplicate-item", {*text}}, item.place, Message{"fix.remove", {'"' + *text + '"'}});
                else
                    out.emplace_back(*std::move(text), item.place);
            }
        }
        return out;
    }
    std::vector<Address> addresses(const Node& node, std::uint16_t default_port = 0) {
        std::vector<Address> out;
        for (const auto& [text, place] : strings(node, most_addresses)) {
            auto parsed = parse_address(text, default_port);
            if (const auto* wrong = std::get_if<AddressError>(&parsed)) {
                problem(wrong->what, place, wrong->fix);
                continue;
            }
            auto& address = std::get<Address>(parsed);
            address.place = place;
            out.push_back(std::move(address));
        }
        return out;
    }
    std::optional<std::string> domain(const std::string& text, Place place) {
        if (is_numeric_address(text)) {
            problem({"config.domain-is-an-address", {text}}, place, Message{"fix.domain-form", {}});
            return std::nullopt;
        }
        const auto plain = text.ends_with('.') ? text.substr(0, text.size() - 1) : text;
        if (!is_domain_name(plain) || plain != text) {
            auto fix = Message{"fix.domain-form", {}};
            auto inner = std::string(trim(plain));
            for (const std::string_view scheme : {"https://", "http://", "xmpp:", "sip:"})
                if (inner.starts_with(scheme)) inner.erase(0, scheme.size());
            if (const auto at = inner.find('@'); at != std::string::npos) inner.erase(0, at + 1);
            inner = inner.substr(0, inner.find_first_of(":/"));
            if (is_domain_name(inner)) fix = {"fix.write", {'"' + inner + '"'}};
            problem({"config.bad-domain", {text}}, place, fix);
            return std::nullopt;
        }
        return to_lower(text);
    }
    std::optional<std::filesystem::path> path(const Node& node) {
        const auto text = string(node, 1);
        if (!text) return std::nullopt;
        return resolve(*text);
    }
    std::filesystem::path resolve(const std::filesystem::path& path) const {
        return (directory_ / path).lexically_normal();
    }

    static std::string join(const std::vector<std::string>& words) {
        std::string out;
        for (const auto& word : words) out += (out.empty() ? "\"" : ", \"") + word + '"';
        return out;
    }

private:
    std::optional<std::int64_t> within(const Node& node, std::int64_t value, std::int64_t least, std::int64_t most,
                                       std::string (*print)(std::int64_t)) {
        if (value >= least && value <= most) return value;
        problem({"config.out-of-range", {written(node)}}, node.place,
                Message{"fix.range", {print(least), print(most)}});
        return std::nullopt;
    }

    const Document& document_;
    std::filesystem::path directory_;
    std::vector<Problem>& problems_;
};

struct Key {
    std::string_view table, name;
    void (*read)(Reader&, const Node&, Config&);
};

constexpr std::size_t most_unsigned = 100;  // domains
constexpr std::size_t most_contacts = 16;
const std::vector<std::string> role_words{"c2s", "s2s", "sip", "web"};
const std::vector<std::string> level_words{"debug", "info", "warning", "error"};

template <auto Member>
Key listener(std::string_view name) {
    return {"listen", name, [](Reader& r, const Node& n, Config& c) { c.listen.*Member = r.addresses(n); }};
}

// One line a key, in the order of the file that `parleyctl init` writes.
const std::vector<Key>& keys() {
    static const std::vector<Key> all{
        {"node", "name",
         [](Reader& r, const Node& n, Config& c) {
             if (const auto text = r.string(n, 1, 63)) c.node_name = *text;
         }},
        {"node", "contact",
         [](Reader& r, const Node& n, Config& c) {
             for (const auto& [text, place] : r.strings(n, most_contacts)) {
                 Node item;
                 item.kind = Node::Kind::string;
                 item.text = text;
                 item.place = place;
                 if (const auto contact = r.string(item, 1, 200)) c.contacts.push_back(*contact);
             }
         }},
        {"node", "roles",
         [](Reader& r, const Node& n, Config& c) {
             c.roles.clear();
             for (const auto& [text, place] : r.strings(n, role_words.size() * 2)) {
                 Node item;
                 item.kind = Node::Kind::string;
                 item.text = text;
                 item.place = place;
                 if (const auto role = r.one_of(item, role_words)) c.roles.push_back(static_cast<Role>(*role));
             }
         }},
        {"node", "shards",
         [](Reader& r, const Node& n, Config& c) {
             if (const auto number = r.integer(n, 0, 256)) c.shards = static_cast<unsigned>(*number);
         }},
        {"store", "directory",
         [](Reader& r, const Node& n, Config& c) {
             if (auto path = r.path(n)) c.store = *std::move(path);
         }},
        listener<&Listeners::c2s>("c2s"),
        listener<&Listeners::c2s_tls>("c2s_tls"),
        listener<&Listeners::s2s>("s2s"),
        listener<&Listeners::s2s_tls>("s2s_tls"),
        listener<&Listeners::sip>("sip"),
        listener<&Listeners::sip_tls>("sip_tls"),
        listener<&Listeners::web>("web"),
        listener<&Listeners::admin>("admin"),
        {"dns", "servers", [](Reader& r, const Node& n, Config& c) { c.dns_servers = r.addresses(n, 53); }},
        {"dns", "trust_anchor",
         [](Reader& r, const Node& n, Config& c) {
             if (n.kind == Node::Kind::string && n.text.empty()) return;  // none
             if (auto path = r.path(n)) c.trust_anchor = *std::move(path);
         }},
        {"dns", "unsigned",
         [](Reader& r, const Node& n, Config& c) {
             for (const auto& [text, place] : r.strings(n, most_unsigned))
                 if (auto name = r.domain(text, place)) c.dns_unsigned.push_back(*std::move(name));
         }},
        {"tls", "trust_file",
         [](Reader& r, const Node& n, Config& c) {
             if (auto path = r.path(n)) c.trust_file = *std::move(path);
         }},
        {"tls", "trust_system",
         [](Reader& r, const Node& n, Config& c) {
             if (const auto flag = r.boolean(n)) c.trust_system = *flag;
         }},
        {"federation", "posh",
         [](Reader& r, const Node& n, Config& c) {
             if (const auto flag = r.boolean(n)) c.posh = *flag;
         }},
        {"federation", "disclose_reasons",
         [](Reader& r, const Node& n, Config& c) {
             if (const auto flag = r.boolean(n)) c.disclose_reasons = *flag;
         }},
        {"sip", "host",
         [](Reader& r, const Node& n, Config& c) {
             const auto text = r.string(n);
             if (!text || text->empty()) return;
             if (auto name = r.domain(*text, n.place)) c.sip_host = *std::move(name);
         }},
        {"sip", "subscription",
         [](Reader& r, const Node& n, Config& c) {
             if (const auto ms = r.duration(n, 60'000, 86'400'000)) c.sip_subscription = Seconds(*ms / 1000);
         }},
        {"sip", "session_idle",
         [](Reader& r, const Node& n, Config& c) {
             if (const auto ms = r.duration(n, 10'000, 86'400'000)) c.sip_session_idle = Seconds(*ms / 1000);
         }},
        {"policy", "third_party_decisions_count",
         [](Reader& r, const Node& n, Config& c) {
             if (const auto flag = r.boolean(n)) c.third_party_decisions_count = *flag;
         }},
        {"log", "level",
         [](Reader& r, const Node& n, Config& c) {
             if (const auto level = r.one_of(n, level_words)) c.log_level = static_cast<LogLevel>(*level);
         }},
        {"log", "file",
         [](Reader& r, const Node& n, Config& c) {
             if (n.kind == Node::Kind::string && n.text.empty()) return;  // standard error
             if (auto path = r.path(n)) c.log_file = *std::move(path);
         }},
    };
    return all;
}

const std::vector<std::string> table_names{"node",       "store", "domain", "listen", "dns",   "tls",
                                           "federation", "sip",   "policy", "log",    "limits"};
const std::vector<std::string> domain_keys{"name", "certificate", "key", "rooms"};

std::vector<std::string> keys_of(std::string_view table) {
    std::vector<std::string> out;
    if (table == "domain") return domain_keys;
    if (table == "limits") {
        for (const auto& spec : limit_specs()) out.emplace_back(spec.name);
        return out;
    }
    for (const auto& key : keys())
        if (key.table == table) out.emplace_back(key.name);
    return out;
}

// What people write who come from other servers.
constexpr std::array<std::pair<std::string_view, std::string_view>, 32> other_words{{
    {"host", "domain"},
    {"hosts", "domain"},
    {"vhost", "domain"},
    {"virtualhost", "domain"},
    {"domains", "domain"},
    {"server", "node"},
    {"cert", "certificate"},
    {"certfile", "certificate"},
    {"ssl_certificate", "certificate"},
    {"fullchain", "certificate"},
    {"keyfile", "key"},
    {"private_key", "key"},
    {"ssl_key", "key"},
    {"privkey", "key"},
    {"loglevel", "level"},
    {"verbosity", "level"},
    {"path", "directory"},
    {"data_dir", "directory"},
    {"datadir", "directory"},
    {"database", "store"},
    {"storage", "store"},
    {"listeners", "listen"},
    {"ports", "listen"},
    {"ssl", "tls"},
    {"logging", "log"},
    {"resolver", "dns"},
    {"nameservers", "servers"},
    {"cafile", "trust_file"},
    {"ca_file", "trust_file"},
    {"threads", "shards"},
    {"workers", "shards"},
    {"http", "web"},
}};

std::optional<std::string> other_word(std::string_view word, const std::vector<std::string>& candidates) {
    const auto lower = to_lower(word);
    for (const auto& [theirs, ours] : other_words)
        if (lower == theirs && std::find(candidates.begin(), candidates.end(), ours) != candidates.end())
            return std::string(ours);
    return std::nullopt;
}

void unknown_key(Reader& reader, const std::string& table, const std::string& key, const Node& node) {
    const auto here = keys_of(table);
    auto fix = Message{"fix.known-keys", {Reader::join(here)}};
    if (const auto near = closest(key, here)) {
        fix = {"fix.did-you-mean", {*near}};
    } else if (const auto word = other_word(key, here)) {
        fix = {"fix.did-you-mean", {*word}};
    } else {
        for (const auto& other : table_names) {
            const auto there = keys_of(other);
            if (std::find(there.begin(), there.end(), key) != there.end())
                fix = {"fix.belongs-to", {other == "domain" ? "[[domain]]" : '[' + other + ']'}};
        }
    }
    reader.problem({"config.unknown-key", {key, table == "domain" ? "[[domain]]" : '[' + table + ']'}}, node.key, fix);
}

void read_domain(Reader& reader, const Node& table, Config& config) {
    LocalDomain domain;
    domain.name_place = domain.certificate_place = domain.key_place = table.place;
    for (const auto& [key, node] : table.members) {
        if (key == "name") {
            domain.name_place = node.place;
            if (const auto text = reader.string(node))
                if (auto name = reader.domain(*text, node.place)) domain.name = *std::move(name);
        } else if (key == "certificate") {
            domain.certificate_place = node.place;
            if (auto path = reader.path(node)) domain.certificate = *std::move(path);
        } else if (key == "key") {
            domain.key_place = node.place;
            if (auto path = reader.path(node)) domain.key = *std::move(path);
        } else if (key == "rooms") {
            domain.rooms_place = node.place;
            const auto text = reader.string(node);
            if (text && !text->empty())
                if (auto name = reader.domain(*text, node.place)) domain.rooms = *std::move(name);
        } else {
            unknown_key(reader, "domain", key, node);
        }
    }
    for (const std::string_view needed : {"name", "certificate", "key"})
        if (table.find(needed) == nullptr)
            reader.problem({"config.missing-key", {std::string(needed), "[[domain]]"}}, table.place,
                           Message{"fix.add-key",
                                   {std::string(needed) + (needed == "name"          ? " = \"example.com\""
                                                           : needed == "certificate" ? " = \"tls/example.com.crt\""
                                                                                     : " = \"tls/example.com.key\"")}});
    const auto taken = [&](const LocalDomain& other) { return other.name == domain.name; };
    if (!domain.name.empty()) {
        const auto other = std::find_if(config.domains.begin(), config.domains.end(), taken);
        if (other != config.domains.end()) {
            const auto line = std::to_string(other->name_place.line);
            reader.problem({"config.duplicate-domain", {domain.name, line}}, domain.name_place,
                           Message{"fix.keep-one", {line}});
            return;
        }
    }
    if (!table.find("rooms") && !domain.name.empty()) domain.rooms = "conference." + domain.name;
    config.domains.push_back(std::move(domain));
}

// A domain is one thing only. What nobody has written gives way.
void check_rooms(Reader& reader, Config& config) {
    for (auto& domain : config.domains) {
        const auto same = [&](const LocalDomain& other) {
            return other.name == domain.rooms || (&other < &domain && other.rooms == domain.rooms);
        };
        const auto other = std::find_if(config.domains.begin(), config.domains.end(), same);
        if (domain.rooms.empty() || other == config.domains.end()) continue;
        if (domain.rooms_place.line != 0) {
            const auto line = std::to_string(other->name_place.line);
            reader.problem({"config.duplicate-domain", {domain.rooms, line}}, domain.rooms_place,
                           Message{"fix.keep-one", {line}});
        }
        domain.rooms.clear();
    }
}

void read_limit(Reader& reader, const std::string& key, const Node& node, Config& config) {
    const auto& specs = limit_specs();
    const auto spec = std::find_if(specs.begin(), specs.end(), [&](const LimitSpec& s) { return s.name == key; });
    if (spec == specs.end()) return unknown_key(reader, "limits", key, node);
    const auto value = spec->unit == LimitSpec::Unit::duration ? reader.duration(node, spec->least, spec->most)
                       : spec->unit == LimitSpec::Unit::bytes  ? reader.size(node, spec->least, spec->most)
                                                               : reader.integer(node, spec->least, spec->most);
    if (value) spec->set(config.limits, *value);
}

void check_limits(Reader& reader, const Node& table, const Limits& limits) {
    const auto place = [&](std::string_view first, std::string_view second) {
        const auto* node = table.find(first) ? table.find(first) : table.find(second);
        return node ? node->place : Place{};
    };
    if (limits.outbound_soft > limits.outbound_hard)
        reader.problem(
            {"config.soft-above-hard", {}}, place("outbound_soft", "outbound_hard"),
            Message{"fix.range", {format_size(65536), format_size(static_cast<std::int64_t>(limits.outbound_hard))}});
    if (limits.stanzas_burst < limits.stanzas_per_second)
        reader.problem({"config.burst-below-rate", {"stanzas_burst", "stanzas_per_second"}},
                       place("stanzas_burst", "stanzas_per_second"),
                       Message{"fix.range", {std::to_string(limits.stanzas_per_second), "1000000"}});
    if (limits.bytes_burst < limits.bytes_per_second)
        reader.problem(
            {"config.burst-below-rate", {"bytes_burst", "bytes_per_second"}}, place("bytes_burst", "bytes_per_second"),
            Message{"fix.range",
                    {format_size(static_cast<std::int64_t>(limits.bytes_per_second)), format_size(1 << 30)}});
}

void read_table(Reader& reader, const std::string& name, const Node& table, Config& config) {
    for (const auto& member : table.members) {
        const auto& key = member.name;
        const auto& node = member.node;
        if (name == "limits") {
            read_limit(reader, key, node, config);
            continue;
        }
        const auto found =
            std::find_if(keys().begin(), keys().end(), [&](const Key& k) { return k.table == name && k.name == key; });
        if (found == keys().end())
            unknown_key(reader, name, key, node);
        else
            found->read(reader, node, config);
    }
    if (name == "limits") check_limits(reader, table, config.limits);
}

void unknown_at_top(Reader& reader, const std::string& name, const Node& node) {
    if (node.kind == Node::Kind::table ||
        (node.kind == Node::Kind::array && !node.items.empty() && node.items[0].kind == Node::Kind::table)) {
        auto near = closest(name, table_names);
        if (!near) near = other_word(name, table_names);
        reader.problem({"config.unknown-table", {name}}, node.key,
                       near ? Message{"fix.did-you-mean", {*near == "domain" ? "[[domain]]" : '[' + *near + ']'}}
                            : Message{"fix.known-tables", {Reader::join(table_names)}});
        return;
    }
    for (const auto& table : table_names) {
        const auto there = keys_of(table);
        if (std::find(there.begin(), there.end(), name) != there.end() && name != "name") {
            reader.problem({"config.key-outside-table", {name}}, node.key,
                           Message{"fix.belongs-to", {table == "domain" ? "[[domain]]" : '[' + table + ']'}});
            return;
        }
    }
    reader.problem({"config.key-outside-table", {name}}, node.key,
                   Message{"fix.known-tables", {Reader::join(table_names)}});
}

}  // namespace

void apply_schema(const Document& document, const std::filesystem::path& directory, Config& config,
                  std::vector<Problem>& problems) {
    std::vector<Problem> found;
    Reader reader(document, directory, found);
    config.store = reader.resolve("store");
    for (const auto& [name, node] : document.root.members) {
        if (std::find(table_names.begin(), table_names.end(), name) == table_names.end()) {
            unknown_at_top(reader, name, node);
        } else if (name == "domain") {
            if (node.kind != Node::Kind::array) {
                reader.problem({"config.not-an-array-of-tables", {name}}, node.key, Message{"fix.array-of-tables", {}});
                if (node.kind == Node::Kind::table) read_domain(reader, node, config);
                continue;
            }
            if (node.items.size() > most_domains) {
                reader.problem({"config.too-many", {std::to_string(most_domains)}}, node.key);
                continue;
            }
            for (const auto& item : node.items) {
                if (item.kind == Node::Kind::table)
                    read_domain(reader, item, config);
                else
                    reader.problem({"config.not-an-array-of-tables", {name}}, item.place,
                                   Message{"fix.array-of-tables", {}});
            }
            check_rooms(reader, config);
        } else if (node.kind == Node::Kind::array) {
            reader.problem({"config.not-a-table", {name}}, node.key, Message{"fix.write", {'[' + name + ']'}});
            for (const auto& item : node.items)
                if (item.kind == Node::Kind::table) read_table(reader, name, item, config);
        } else if (node.kind != Node::Kind::table) {
            reader.problem({"config.not-a-table", {name}}, node.key, Message{"fix.write", {'[' + name + ']'}});
        } else {
            read_table(reader, name, node, config);
        }
    }
    // What could not be read cannot be called missing.
    const auto* domains = document.root.find("domain");
    if (document.problems.empty() &&
        (domains == nullptr || (domains->kind == Node::Kind::array && domains->items.empty())))
        reader.problem({"config.missing-domain", {}}, {}, Message{"fix.add-table", {"[[domain]]"}});
    problems.insert(problems.end(), found.begin(), found.end());
}

}  // namespace parley::admin
