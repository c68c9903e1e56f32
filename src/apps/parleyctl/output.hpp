#pragma once

#include <string>
#include <string_view>

#include "admin/control_protocol.hpp"
#include "admin/messages/message.hpp"

namespace parley::ctl {

// What scripts rely on.
enum ExitCode {
    exit_ok = 0,
    exit_problem = 1,
    exit_usage = 2,
    exit_unreachable = 3,
    exit_refused = 4,
    exit_timeout = 5
};

struct Output {
    bool json = false;
    bool quiet = false;
    admin::Language language = admin::Language::english;

    void line(std::string_view text) const;                        // to standard output; not with --quiet
    void say(const admin::Message& message) const;                 // the same
    int fail(ExitCode code, const admin::Message& message) const;  // to standard error, or as JSON; gives `code`
    int fail_text(ExitCode code, std::string_view id, std::string_view text) const;
    int answer(const admin::Response& response) const;  // prints what a command without a table has to say
};

ExitCode exit_code(admin::Outcome outcome);

}  // namespace parley::ctl
