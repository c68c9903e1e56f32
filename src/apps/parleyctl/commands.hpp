#pragma once

#include <istream>
#include <string>

#include "apps/parleyctl/node_link.hpp"
#include "apps/parleyctl/output.hpp"
#include "im/federation_policy.hpp"

namespace parley::ctl {

struct Context {
    LinkOptions link;
    Output output;
};

struct UserOptions {
    std::string jid;
    bool password_stdin = false;
};
int run_user_add(const Context& context, const UserOptions& options);
int run_user_passwd(const Context& context, const UserOptions& options);
int run_user_del(const Context& context, const std::string& jid);
int run_user_list(const Context& context, const std::string& domain);
// `file` "-": standard input. Lines are JID, a tab, password; one commit for all.
int run_user_import(const Context& context, const std::string& file);

int run_federation_put(const Context& context, im::DomainRule rule);
int run_federation_remove(const Context& context, const std::string& domain);
int run_federation_default(const Context& context, bool allowed);
int run_federation_list(const Context& context);
// What each kind of SIP partner is shown of presence, and shows; needs no node. `kind` empty: all kinds.
int run_federation_presence(const Context& context, const std::string& kind);

// federation show, sessions and test, dns plan: the running node looks, we print. Exit code 1: a test or a plan found a
// problem.
int run_look(const Context& context, admin::Look look);
void print_report(const admin::Report& report, admin::Language language, bool with_times);

// What passes between people, followed through the node (docs/how-to/follow-a-message.md).
struct TraceOptions {
    bool mermaid = false;
    int group = 0;  // of show: only this message or subscription; 0: all
};
int run_trace(const Context& context, admin::Trace trace, const TraceOptions& options);

// A user's own policy (docs/policy.md).
int run_policy_show(const Context& context, const std::string& jid);
int run_policy_change(const Context& context, admin::ChangePolicy change);

int run_status(const Context& context);
int run_reload(const Context& context);
int run_config_check(const Context& context);

// One act, its answer printed.
int run_act(const Context& context, admin::Act act, bool offline);

}  // namespace parley::ctl
