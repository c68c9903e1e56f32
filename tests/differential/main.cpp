// Differential test: no two readings of one message. A message that our codec and sofia-sip's both accept must mean the
// same to both; where it does not, one of them can be led past a check that the other made (smuggling). The mutants
// follow from the seed, so a finding is repeated by its seed and count.
//   sip_differential [--count N] [--seed S] [--show N]     exit 1 when a difference is not covered by a rule below
#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

#include "base/text.hpp"
#include "facts.hpp"
#include "mutator.hpp"
#include "sip/framer.hpp"
#include "sip/header/cseq.hpp"
#include "sip/header/name_addr.hpp"
#include "sip/header/via.hpp"
#include "sofia.hpp"
#include "src/sip/testdata/torture.hpp"

namespace parley::differential {
namespace {

std::optional<Facts> read_with_ours(const sip::Message& message) {
    Facts facts;
    const auto from = sip::parse_name_addr(message.header(sip::HeaderId::from));
    const auto to = sip::parse_name_addr(message.header(sip::HeaderId::to));
    const auto cseq = sip::parse_cseq(message.header(sip::HeaderId::cseq));
    const auto via = sip::parse_via(sip::split_list(message.header(sip::HeaderId::via)).front());
    if (!from || !to || !cseq || !via) return {};
    facts.method = std::string(message.method_text());
    facts.status = message.status();
    facts.call_id = std::string(message.header(sip::HeaderId::call_id));
    facts.from_tag = std::string(from->tag());
    facts.to_tag = std::string(to->tag());
    facts.branch = std::string(via->branch());
    facts.cseq = cseq->number;
    facts.cseq_method = cseq->method_text;
    facts.body = message.body().size();
    return facts;
}

// What only one side accepts is no second reading, and is counted by its reason. Known: sofia ends a header at the NUL
// of a quoted pair (RFC 4475 3.1.1.2); it refuses a whole message for a header that we judge only where we use it
// (Expires, Content-Type, Accept) or not at all (Date, Server, User-Agent). We refuse what it repairs: extra white
// space in the start line, a repeated tag or branch, a second Content-Length, a Contact with "?" outside brackets.
//
// Differences that are understood. Each says why the difference does no harm; none of them may hide a second reading of
// an identifier that both sides could act upon.
struct Rule {
    std::string_view name, why;
    bool (*covers)(const Facts& ours, const Facts& theirs, std::string_view bytes);
};

std::vector<std::string> differences(const Facts& a, const Facts& b) {
    std::vector<std::string> fields;
    if (a.method != b.method) fields.push_back("method " + a.method + " | " + b.method);
    if (a.status != b.status) fields.push_back("status");
    if (a.call_id != b.call_id) fields.push_back("call-id " + a.call_id + " | " + b.call_id);
    if (a.from_tag != b.from_tag) fields.push_back("from-tag " + a.from_tag + " | " + b.from_tag);
    if (a.to_tag != b.to_tag) fields.push_back("to-tag " + a.to_tag + " | " + b.to_tag);
    if (a.branch != b.branch) fields.push_back("branch " + a.branch + " | " + b.branch);
    if (a.cseq != b.cseq) fields.push_back("cseq");
    if (a.cseq_method != b.cseq_method) fields.push_back("cseq-method " + a.cseq_method + " | " + b.cseq_method);
    if (a.body != b.body) fields.push_back("body " + std::to_string(a.body) + " | " + std::to_string(b.body));
    return fields;
}

constexpr std::array<Rule, 0> rules{};  // none so far: both read every mutant that both accept alike

std::vector<std::string> seeds() {
    std::vector<std::string> out;
    const std::filesystem::path root = PARLEY_SOURCE_DIR;
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(root / "src/sip/testdata/torture"))
        files.push_back(entry.path());
    for (const auto& entry : std::filesystem::directory_iterator(root / "tests/differential/seeds"))
        files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    for (const auto& path : files) {
        std::ifstream file(path);
        std::ostringstream text;
        text << file.rdbuf();
        out.push_back(sip::test::expand_torture(text.str()));
    }
    return out;
}

// Those that both accept: most mutants come from them, or most work would be done on messages refused long since.
std::vector<std::string> accepted(const std::vector<std::string>& all) {
    std::vector<std::string> out;
    for (const auto& seed : all) {
        sip::Framer framer;
        framer.feed(seed);
        const auto item = framer.next();
        if (item.kind != sip::Framer::Item::Kind::message) continue;
        const auto parsed = sip::parse_message(item.bytes);
        if (parsed && !parsed->problem && read_with_sofia(item.bytes)) out.push_back(seed);
    }
    return out;
}

int run(std::uint64_t count, std::uint64_t seed, int show, std::string_view show_refusal) {
    SeededRandom random{seed};
    const auto all = seeds();
    const std::vector<std::string> sound = accepted(all);
    std::uint64_t both = 0, only_ours = 0, only_theirs = 0, neither = 0, unexplained = 0;
    std::map<std::string_view, std::uint64_t> explained;
    std::map<std::string, std::uint64_t> refused_by_sofia;
    for (std::uint64_t i = 0; i < count; ++i) {
        const auto mutant = i < all.size() ? all[i] : mutate(i % 4 == 0 ? all : sound, random);  // seeds first
        sip::Framer framer;
        framer.feed(mutant);
        const auto item = framer.next();
        // The same bytes for both: what our framer cut, or all of them where it cut nothing.
        const auto bytes = item.kind == sip::Framer::Item::Kind::message ? item.bytes : std::string_view(mutant);
        std::optional<Facts> ours;
        if (item.kind == sip::Framer::Item::Kind::message)
            if (const auto parsed = sip::parse_message(bytes); parsed && !parsed->problem)
                ours = read_with_ours(parsed->message);
        std::string why;
        const auto theirs = read_with_sofia(bytes, &why);
        if (!ours && !theirs) ++neither;
        if (ours && !theirs) {
            ++only_ours;
            ++refused_by_sofia[why];
            if (why == show_refusal) std::cout << "mutant " << i << ": " << why << "\n" << bytes << "\n----\n";
        }
        if (!ours && theirs) ++only_theirs;
        if (!ours || !theirs) continue;
        ++both;
        const auto fields = differences(*ours, *theirs);
        if (fields.empty()) continue;
        const Rule* rule = nullptr;
        for (const auto& candidate : rules)
            if (candidate.covers(*ours, *theirs, bytes)) rule = &candidate;
        if (rule) {
            ++explained[rule->name];
            continue;
        }
        if (++unexplained > static_cast<std::uint64_t>(show)) continue;
        std::cout << "mutant " << i << " of seed " << seed << ":";
        for (const auto& field : fields) std::cout << "  " << field;
        std::cout << "\n" << bytes << "\n----\n";
    }
    std::cout << "{\"mutants\":" << count << ",\"both\":" << both << ",\"only_ours\":" << only_ours
              << ",\"only_sofia\":" << only_theirs << ",\"neither\":" << neither << ",\"explained\":{";
    bool first = true;
    for (const auto& [name, n] : explained) {
        std::cout << (first ? "" : ",") << '"' << name << "\":" << n;
        first = false;
    }
    std::cout << "},\"refused_by_sofia\":{";
    first = true;
    for (const auto& [name, n] : refused_by_sofia) {
        std::cout << (first ? "" : ",") << '"' << name << "\":" << n;
        first = false;
    }
    std::cout << "},\"unexplained\":" << unexplained << "}\n";
    return unexplained == 0 && both > count / 10 ? 0 : 1;
}

}  // namespace
}  // namespace parley::differential

int main(int argc, char** argv) {
    std::uint64_t count = 200'000, seed = 1;
    int show = 5;
    std::string_view show_refusal = "-";
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string_view option = argv[i];
        const auto value = parley::parse_number<std::uint64_t>(argv[i + 1]).value_or(0);
        if (option == "--count") count = value;
        if (option == "--seed") seed = value;
        if (option == "--refused") show_refusal = argv[i + 1];
        if (option == "--show") show = static_cast<int>(value);
    }
    return parley::differential::run(count, seed, show, show_refusal);
}
