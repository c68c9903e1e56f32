#include "apps/parleyctl/target_matrix.hpp"

#include <algorithm>
#include <array>
#include <iomanip>
#include <optional>
#include <string>
#include <vector>

namespace parley::ctl {
namespace {

using Verdict = admin::Finding::Verdict;

// What is done with one address, in its order.
constexpr std::array<std::string_view, 7> steps{"tcp", "tls", "identity", "external", "dialback", "stream", "probe"};

struct Cell {
    std::optional<Verdict> worst;
    std::int64_t millis = 0;
};
struct Row {
    std::string address;
    std::array<Cell, steps.size()> cells;
};

std::vector<Row> rows_of(const admin::Report& report) {
    std::vector<Row> rows;
    for (const auto& finding : report.findings) {
        const auto step = std::find(steps.begin(), steps.end(), finding.step);
        const bool first = finding.step == "tcp";  // only an address has this one
        auto row = std::find_if(rows.begin(), rows.end(), [&](const auto& r) { return r.address == finding.subject; });
        if (step == steps.end() || (row == rows.end() && !first)) continue;
        if (row == rows.end()) row = rows.insert(rows.end(), Row{finding.subject, {}});
        auto& cell = row->cells[static_cast<std::size_t>(step - steps.begin())];
        cell.worst = std::max(cell.worst.value_or(Verdict::good), finding.verdict);
        cell.millis += std::max<std::int64_t>(0, finding.millis);
    }
    return rows;
}

std::string text_of(const Cell& cell) {
    if (!cell.worst) return "-";
    const auto took = ' ' + std::to_string(cell.millis) + " ms";
    return (*cell.worst == Verdict::problem ? "FAIL" : *cell.worst == Verdict::warning ? "warn" : "ok") + took;
}

}  // namespace

void print_matrix(std::ostream& out, const admin::Report& report) {
    const auto rows = rows_of(report);
    if (rows.size() < 2) return;
    std::size_t widest = 0;
    std::array<std::size_t, steps.size()> width{};
    for (const auto& row : rows) {
        widest = std::max(widest, row.address.size());
        for (std::size_t i = 0; i < steps.size(); ++i)
            if (row.cells[i].worst) width[i] = std::max({width[i], steps[i].size(), text_of(row.cells[i]).size()});
    }
    const auto cell = [&](std::string_view text, std::size_t columns) {
        out << "  " << std::left << std::setw(static_cast<int>(columns)) << text;
    };
    out << "\n";
    cell("", widest);
    for (std::size_t i = 0; i < steps.size(); ++i)
        if (width[i] > 0) cell(steps[i], width[i]);
    out << "\n";
    for (const auto& row : rows) {
        cell(row.address, widest);
        for (std::size_t i = 0; i < steps.size(); ++i)
            if (width[i] > 0) cell(text_of(row.cells[i]), width[i]);
        out << "\n";
    }
    out << "\n";
}

}  // namespace parley::ctl
