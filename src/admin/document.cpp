#include "admin/document.hpp"

#include <algorithm>
#include <sstream>

#include <toml.hpp>

#include "admin/toml_scan.hpp"
#include "base/text.hpp"

namespace parley::admin {
namespace {

Place place_of(const toml::value& value) {
    const auto where = value.location();
    return {where.line(), where.column(), where.region()};
}

// toml11 knows where a value is, not where its key is: the key stands before the value on its line, or is the header
// itself.
Place key_place(const Document& document, const std::string& key, const Place& value) {
    const auto line = document.line(value.line);
    if (trim(line).starts_with('[')) {
        const auto at = line.find(key);
        return {value.line, (at == std::string::npos ? 0 : at) + 1, key.size()};
    }
    const auto before = std::string_view(line).substr(0, value.column == 0 ? 0 : value.column - 1);
    const auto at = before.rfind(key);
    if (at == std::string_view::npos) return value;
    return {value.line, at + 1, key.size()};
}

// Recursion is bounded: the scan let no more than config_max_depth brackets or dots through, in a header and in its
// values.
Node convert(const Document& document, const toml::value& value) {
    Node node;
    node.place = place_of(value);
    switch (value.type()) {
        case toml::value_t::string:
            node.kind = Node::Kind::string;
            node.text = value.as_string().str;
            break;
        case toml::value_t::integer:
            node.kind = Node::Kind::integer;
            node.number = value.as_integer();
            node.too_big = node.place.length > 19;  // toml11 lets an overflow pass
            break;
        case toml::value_t::floating: node.kind = Node::Kind::real; break;
        case toml::value_t::boolean:
            node.kind = Node::Kind::boolean;
            node.flag = value.as_boolean();
            break;
        case toml::value_t::array:
            node.kind = Node::Kind::array;
            for (const auto& item : value.as_array()) node.items.push_back(convert(document, item));
            break;
        case toml::value_t::table:
            node.kind = Node::Kind::table;
            for (const auto& [key, member] : value.as_table()) {
                auto child = convert(document, member);
                child.key = key_place(document, key, child.place);
                node.members.push_back({key, std::move(child)});
            }
            std::sort(node.members.begin(), node.members.end(), [](const auto& a, const auto& b) {
                return std::pair(a.node.key.line, a.node.key.column) < std::pair(b.node.key.line, b.node.key.column);
            });
            break;
        default: node.kind = Node::Kind::datetime; break;
    }
    return node;
}

// toml11's text ends with lines like " 12 | a = 2" and "    |   ^--- value defined twice": the last such pair is the
// place.
Place place_in(const std::string& what, const toml::source_location& location) {
    Place place{location.line(), location.column(), 1};
    std::size_t source_bar = std::string::npos;
    std::istringstream in(what);
    for (std::string line; std::getline(in, line);) {
        const auto bar = line.find(" | ");
        if (bar == std::string::npos) continue;
        if (const auto number = parse_number<std::size_t>(trim(line.substr(0, bar)))) {
            place.line = *number;
            source_bar = bar + 3;
        } else if (const auto mark = line.find_first_of("^~", bar); mark != std::string::npos && source_bar <= mark) {
            place.column = mark - source_bar + 1;
            const auto end = line.find_first_not_of('~', mark);
            place.length = std::max<std::size_t>(1, (end == std::string::npos ? line.size() : end) - mark);
        }
    }
    return place;
}

std::size_t earlier_line(const std::string& what) {
    std::istringstream in(what);
    for (std::string line; std::getline(in, line);) {
        const auto bar = line.find(" | ");
        if (bar == std::string::npos) continue;
        if (const auto number = parse_number<std::size_t>(trim(line.substr(0, bar)))) return *number;
    }
    return 0;
}

Problem from_toml11(const Document& document, const std::string& what, const toml::source_location& location) {
    Problem problem{{"toml.syntax", {}}, place_in(what, location), std::nullopt, Severity::error, {}};
    problem.source_line = document.line(problem.place.line);
    const auto quoted = what.find("(\"");
    const auto name =
        quoted == std::string::npos ? std::string() : what.substr(quoted + 2, what.find('"', quoted + 2) - quoted - 2);
    const bool repeated =
        what.find("already exists") != std::string::npos || what.find("cannot be defined") != std::string::npos ||
        what.find("defined twice") != std::string::npos || what.find("already defined") != std::string::npos;
    if (repeated) {
        const bool table = trim(problem.source_line).starts_with('[');
        const auto first = std::to_string(earlier_line(what));
        problem.what = {table ? MessageId("toml.duplicate-table") : MessageId("toml.duplicate-key"), {name, first}};
        problem.fix = table ? Message{"fix.merge-tables", {first}} : Message{"fix.keep-one", {first}};
        if (!table) {  // point at the key, not at the value
            const auto at = problem.source_line.find_first_not_of(" \t");
            const auto end = problem.source_line.find_first_of(" \t=", at);
            if (at != std::string::npos && end != std::string::npos)
                problem.place = {problem.place.line, at + 1, end - at};
        }
        return problem;
    }
    auto detail = what.substr(0, what.find('\n'));
    if (const auto mark = what.rfind("--- "); mark != std::string::npos) {
        const auto end = what.find('\n', mark);
        detail = what.substr(mark + 4, end == std::string::npos ? end : end - mark - 4);
    }
    problem.what.args = {detail};
    return problem;
}

void blank_line(std::string& text, std::size_t number) {
    std::size_t begin = 0;
    for (std::size_t i = 1; i < number && begin != std::string::npos; ++i) {
        begin = text.find('\n', begin);
        if (begin != std::string::npos) ++begin;
    }
    if (begin == std::string::npos) return;
    const auto end = text.find('\n', begin);
    text.erase(begin, end == std::string::npos ? end : end - begin);
}

}  // namespace

const Node* Node::find(std::string_view name) const {
    const auto found =
        std::find_if(members.begin(), members.end(), [&](const auto& member) { return member.name == name; });
    return found == members.end() ? nullptr : &found->node;
}

std::string Document::line(std::size_t number) const {
    return number >= 1 && number <= lines.size() ? lines[number - 1] : std::string();
}

Document parse_document(std::string_view text) {
    Document document;
    auto scan = scan_toml(text);
    document.problems = std::move(scan.problems);
    document.usable = scan.usable;
    if (!scan.usable) return document;
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    for (auto line : split(text, '\n')) {
        if (line.ends_with('\r')) line.remove_suffix(1);
        document.lines.emplace_back(line);
    }
    // Each round takes out the line that toml11 stops at; a file with more such lines than this is reported for those.
    for (std::size_t round = 0; round < config_max_problems; ++round) {
        try {
            std::istringstream in(scan.readable);
            const auto root = toml::parse(in, "parley.toml");
            document.root = convert(document, root);
            return document;
        } catch (const toml::exception& error) {
            auto problem = from_toml11(document, error.what(), error.location());
            const auto line =
                std::clamp<std::size_t>(problem.place.line, 1, std::max<std::size_t>(1, document.lines.size()));
            const bool header = trim(document.line(line)).starts_with('[');
            document.problems.push_back(std::move(problem));
            blank_line(scan.readable, line);
            // Its keys would otherwise be taken for those of the table above.
            for (auto next = line + 1;
                 header && next <= document.lines.size() && !trim(document.line(next)).starts_with('['); ++next)
                blank_line(scan.readable, next);
        } catch (const std::exception& error) {  // std::out_of_range and the like from inside toml11
            document.problems.push_back({{"toml.syntax", {error.what()}}, {}, std::nullopt, Severity::error, {}});
            break;
        }
    }
    document.usable = false;
    return document;
}

}  // namespace parley::admin
