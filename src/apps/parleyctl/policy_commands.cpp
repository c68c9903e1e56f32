#include <algorithm>
#include <iomanip>
#include <iostream>

#include "admin/audit_log.hpp"
#include "apps/parleyctl/commands.hpp"

namespace parley::ctl {

int run_policy_change(const Context& context, admin::ChangePolicy change) {
    return run_act(context, std::move(change), true);
}

int run_policy_show(const Context& context, const std::string& jid) {
    const auto& output = context.output;
    auto linked = link_to_node(context.link, true, output.language);
    if (const auto* failure = std::get_if<NodeLink::Failure>(&linked))
        return output.fail(failure->code, failure->message);
    auto asked = std::get<std::unique_ptr<NodeLink>>(linked)->ask(admin::GetPolicy{jid});
    if (const auto* failure = std::get_if<NodeLink::Failure>(&asked))
        return output.fail(failure->code, failure->message);
    const auto& answer = std::get<admin::Response>(asked);
    const auto* policy = std::get_if<im::UserPolicy>(&answer.payload);
    if (policy == nullptr || output.json || output.quiet) return output.answer(answer);
    std::cout << "requests from inside   " << to_string(policy->inside) << "\n"
              << "requests from outside  " << to_string(policy->outside) << "\n";
    const auto entries = policy->entries();
    std::size_t width = 0;
    for (const auto& entry : entries) width = std::max(width, entry.who.to_string().size());
    for (const auto& entry : entries)
        std::cout << std::left << std::setw(7) << to_string(entry.verdict) << std::setw(static_cast<int>(width))
                  << entry.who.to_string() << "  " << admin::format_time(entry.at) << "  " << to_string(entry.by)
                  << "\n";
    return exit_ok;
}

}  // namespace parley::ctl
