#include "apps/parleyctl/output.hpp"

#include <iostream>

#include <boost/json.hpp>

namespace parley::ctl {

void Output::line(std::string_view text) const {
    if (!quiet) std::cout << text << "\n";
}

void Output::say(const admin::Message& message) const {
    line(message.in(language));
}

int Output::fail(ExitCode code, const admin::Message& message) const {
    return fail_text(code, message.id.name(), message.in(language));
}

int Output::fail_text(ExitCode code, std::string_view id, std::string_view text) const {
    if (json)
        std::cout << boost::json::serialize(boost::json::object{
                         {"ok", false}, {"exit", static_cast<int>(code)}, {"id", id}, {"message", text}})
                  << "\n";
    else
        std::cerr << "parleyctl: " << text << "\n";
    return code;
}

int Output::answer(const admin::Response& response) const {
    const auto code = exit_code(response.outcome);
    if (code != exit_ok) return fail_text(code, response.message, response.text(language));
    if (json) {
        boost::json::object object{{"ok", true}, {"id", response.message}, {"message", response.text(language)}};
        if (response.payload.index() != 0) object["result"] = boost::json::parse(to_json(response.payload));
        std::cout << boost::json::serialize(object) << "\n";
    } else {
        line(response.text(language));
    }
    return exit_ok;
}

ExitCode exit_code(admin::Outcome outcome) {
    switch (outcome) {
        case admin::Outcome::done: return exit_ok;
        case admin::Outcome::refused: return exit_refused;
        case admin::Outcome::failed: break;
    }
    return exit_problem;
}

}  // namespace parley::ctl
