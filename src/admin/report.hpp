#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "admin/messages/message.hpp"

namespace parley::admin {

// One thing that was looked at. The id of `what` is the rule id: stable, for scripts and for the runbook
// (docs/partners/faults.md).
struct Finding {
    // A warning does not keep a message back, and should be mended all the same.
    enum class Verdict { good, note, warning, problem };
    std::string step;     // "dns", "tcp", "tls", "identity", ...: what was being done
    std::string subject;  // of what: a record's name, "sip.partner.example 192.0.2.1:5061"; may be empty
    Verdict verdict = Verdict::good;
    Message what;
    std::optional<Message> fix{};
    std::int64_t millis = -1;  // how long it took; -1: nothing was waited for
    // Of something in the past: when it was last and first so, RFC 3339, and how often.
    struct Seen {
        std::string last, first;
        std::int64_t times = 1;
        bool operator==(const Seen&) const = default;
    };
    std::optional<Seen> seen{};
    std::optional<MessageId> rule{};  // the rule id where it is not that of `what`
    bool operator==(const Finding&) const = default;
};

// What a look at something found: a test of a partner, its state, a plan.
struct Report {
    std::vector<Finding> findings;
    bool good = true;  // what the verb asks is so: `federation test` says a message would get through
    void add(std::string step, std::string subject, Finding::Verdict verdict, Message what,
             std::optional<Message> fix = {}, std::int64_t millis = -1) {
        findings.push_back({std::move(step), std::move(subject), verdict, std::move(what), std::move(fix), millis});
    }
    std::size_t count(Finding::Verdict verdict) const {
        return static_cast<std::size_t>(std::count_if(findings.begin(), findings.end(),
                                                      [&](const auto& finding) { return finding.verdict == verdict; }));
    }
    bool operator==(const Report&) const = default;
};

}  // namespace parley::admin
