#include "admin/problem.hpp"

#include <algorithm>
#include <cstdint>

#include "base/text.hpp"

namespace parley::admin {
namespace {

constexpr std::size_t shown_width = 160;  // of a source line; a longer one is cut around the place
constexpr std::size_t longest_word = 64;  // edit distance is quadratic; nobody misspells a longer key

// How many columns of a terminal the UTF-8 text takes: East Asian wide characters take two.
std::size_t display_width(std::string_view text) {
    std::size_t width = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        if ((byte & 0xC0) == 0x80) continue;  // counted with its first byte
        // U+1100.. begin at E1 84; all wide blocks that people write in configuration files start E3..ED, EF BC.. or
        // F0.
        const bool wide = (byte >= 0xE3 && byte <= 0xED) || byte == 0xF0 ||
                          (byte == 0xEF && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) >= 0xBC);
        width += wide ? 2 : 1;
    }
    return width;
}

// A person's terminal must not obey a configuration file.
std::string harmless(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        out += c == '\t' ? ' ' : (byte < 0x20 || byte == 0x7F) ? '?' : c;
    }
    return is_utf8(out) ? out : [&] {
        for (auto& c : out)
            if (static_cast<unsigned char>(c) >= 0x80) c = '?';
        return out;
    }();
}

bool starts_character(std::string_view text, std::size_t at) {
    return at >= text.size() || (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80;
}

// Damerau-Levenshtein (adjacent letters swapped count once).
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), now(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        now[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t same = a[i - 1] == b[j - 1] ? 0 : 1;
            now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + same});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = std::min(now[j], before[j - 2] + 1);
        }
        std::swap(before, last);
        std::swap(last, now);
    }
    return last[b.size()];
}

}  // namespace

bool has_errors(const std::vector<Problem>& problems) {
    return std::any_of(problems.begin(), problems.end(),
                       [](const Problem& p) { return p.severity == Severity::error; });
}

std::string render(const Problem& problem, const std::string& file, Language language) {
    const Message severity{
        problem.severity == Severity::error ? MessageId("problem.error") : MessageId("problem.warning"), {}};
    std::string out = file;
    if (problem.place.line != 0)
        out += ':' + std::to_string(problem.place.line) + ':' +
               std::to_string(std::max<std::size_t>(1, problem.place.column));
    out += ": " + severity.in(language) + ": " + harmless(problem.what.in(language)) + " [" +
           std::string(problem.what.id.name()) + "]\n";
    const auto fix = problem.fix ? harmless(problem.fix->in(language)) : std::string();
    if (problem.place.line == 0) {
        if (!fix.empty()) out += "        = " + fix + "\n";
        return out;
    }
    auto line = harmless(problem.source_line);
    auto begin = std::min(problem.place.column == 0 ? 0 : problem.place.column - 1, line.size());
    if (line.size() > shown_width) {  // keep the place in view
        auto cut = begin > shown_width / 2 ? begin - shown_width / 2 : 0;
        while (!starts_character(line, cut)) ++cut;
        line.erase(0, cut);
        begin -= cut;
        auto keep = std::min(shown_width, line.size());
        while (!starts_character(line, keep)) --keep;
        line.resize(keep);
    }
    const auto length =
        std::min(std::max<std::size_t>(1, problem.place.length), line.size() - std::min(begin, line.size()));
    const auto number = std::to_string(problem.place.line);
    const std::string margin(number.size() < 6 ? 6 - number.size() : 0, ' ');
    out += margin + number + " | " + line + "\n";
    out += std::string(margin.size() + number.size(), ' ') + " | " +
           std::string(display_width(std::string_view(line).substr(0, begin)), ' ') + '^';
    const auto width = display_width(std::string_view(line).substr(begin, length));
    if (width > 1) out += std::string(width - 1, '~');
    if (!fix.empty()) out += ' ' + fix;
    return out + "\n";
}

std::string render(const std::vector<Problem>& problems, const std::string& file, Language language) {
    std::string out;
    for (const auto& problem : problems) out += render(problem, file, language);
    return out;
}

std::optional<std::string> closest(std::string_view word, const std::vector<std::string>& candidates) {
    if (word.empty() || word.size() > longest_word) return std::nullopt;
    const auto lower = to_lower(word);
    const std::size_t allowed = word.size() <= 3 ? 1 : word.size() <= 7 ? 2 : 3;
    std::optional<std::string> best;
    std::size_t best_distance = allowed + 1;
    for (const auto& candidate : candidates) {
        if (candidate.size() > longest_word) continue;
        const auto d = distance(lower, to_lower(candidate));
        if (d < best_distance && d < candidate.size()) {
            best = candidate;
            best_distance = d;
        }
    }
    return best;
}

}  // namespace parley::admin
