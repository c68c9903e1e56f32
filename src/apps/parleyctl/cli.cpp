#include "apps/parleyctl/cli.hpp"

#include <functional>
#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include "admin/config_template.hpp"
#include "admin/federation_rule.hpp"
#include "admin/problem.hpp"
#include "admin/version.hpp"
#include "apps/parleyctl/commands.hpp"
#include "apps/parleyctl/init.hpp"
#include "im/xmpp_profile.hpp"

namespace parley::ctl {
namespace {

constexpr auto exit_codes = "Exit: 0 ok, 1 problem found, 2 usage, 3 daemon unreachable, 4 refused, 5 timeout.";

// What the options write into. One struct, as CLI11 keeps references to its members.
struct Input {
    std::string directory;
    int timeout = 30;
    bool json = false, quiet = false;
    std::string language;

    InitOptions init;
    std::string init_directory;
    int port_base = -1;
    UserOptions user;
    std::string file, domain, from;
    im::DomainRule rule;
    std::string direction = "both";
    std::string via = "auto", tls = "required", verdict, legacy_day;
    admin::ChangePolicy policy;
    std::string inside, outside, watcher, target;
    admin::Trace trace;
    TraceOptions trace_options;
    bool tcp = false, untrusted = false;
};

// What the kind of an XMPP partner says of everything that was not given.
void use_defaults(const im::XmppProfile& kind, const CLI::App& allow, Input& in) {
    const auto unless_given = [&](const char* option, auto& value, auto by_kind) {
        if (allow.count(option) == 0) value = by_kind;
    };
    unless_given("--tls", in.tls, std::string(admin::to_string(kind.tls)));
    unless_given("--dialback", in.rule.dialback, kind.dialback && in.tls != "off");
    unless_given("--plain-dialback", in.rule.plain_dialback, kind.plain_dialback && in.tls != "required");
    unless_given("--untrusted-certificate", in.untrusted, !kind.trusted_certificate);
    unless_given("--ask-certificate", in.rule.ask_certificate, kind.ask_certificate);
    unless_given("--bidi", in.rule.bidi, kind.bidi);
}

std::vector<std::string> verbs_of(const CLI::App& app) {
    std::vector<std::string> names;
    for (const auto* sub : app.get_subcommands([](const CLI::App*) { return true; })) names.push_back(sub->get_name());
    return names;
}

// `parleyctl usr add`: CLI11 says that something is left over; we say what was meant.
std::string suggestion(const CLI::App& app, int argc, const char* const* argv) {
    const CLI::App* level = &app;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (word == "--dir" || word == "--timeout" || word == "--lang") {
            ++i;
            continue;
        }
        if (word.starts_with('-')) continue;
        const auto verbs = verbs_of(*level);
        if (verbs.empty()) return {};
        if (std::find(verbs.begin(), verbs.end(), word) == verbs.end()) {
            std::string known;
            for (const auto& verb : verbs) known.append(known.empty() ? "" : ", ").append(verb);
            const auto near = admin::closest(word, verbs);
            const auto prefix = level == &app ? std::string() : level->get_name() + ' ';
            std::string text = "unknown command \"";
            text.append(prefix).append(word);
            if (near)
                text.append("\"; did you mean \"").append(prefix).append(*near).append("\"?");
            else
                text.append("\"; there are: ").append(known);
            return text;
        }
        level = level->get_subcommand(word);
    }
    return {};
}

CLI::App* add(CLI::App& parent, const char* name, const char* what, const std::string& example) {
    auto* sub = parent.add_subcommand(name, what);
    sub->footer("Example: " + example);
    return sub;
}

}  // namespace

int run(int argc, const char* const* argv) {
    Input in;
    std::function<int(const Context&)> verb;
    const auto runs = [&verb](CLI::App* app, std::function<int(const Context&)> what) {
        app->final_callback([&verb, what = std::move(what)] { verb = what; });
    };

    CLI::App app("parleyctl - administers a parley node", "parleyctl");
    app.footer("Without --dir: $PARLEY_DIR, else this folder if it has a parley.toml, else /etc/parley.\n" +
               std::string(exit_codes) + "\nExample: parleyctl init example.com --dir node && parleyd --dir node");
    app.require_subcommand(1);
    app.fallthrough();
    app.add_option("--dir", in.directory, "the node's folder")->type_name("DIR");
    app.add_option("--timeout", in.timeout, "seconds to wait for parleyd (30)")
        ->check(CLI::Range(1, 3600))
        ->type_name("N");
    app.add_option("--lang", in.language, "language of the messages: en or ja (default: that of the environment)")
        ->check(CLI::IsMember({"en", "ja"}))
        ->type_name("LANG");
    app.add_flag("--json", in.json, "answer in JSON");
    app.add_flag("--quiet,-q", in.quiet, "print errors only");

    auto* init = add(app, "init", "make a node's folder: configuration, store, self-signed certificate",
                     "parleyctl init example.com --dir node --port-base 42000");
    init->add_option("DOMAIN", in.init.domain, "the domain whose users live here")->required();
    init->add_option(
            "--port-base", in.port_base,
            "N: ports N+22 c2s, N+23 c2s TLS, N+69 s2s, N+70 s2s TLS, N+60 SIP, N+61 SIP TLS, N+80 web, N+81 admin")
        ->check(CLI::Range(1024, static_cast<int>(admin::highest_port_base)))
        ->type_name("N");
    init->add_option("--name", in.init.name, "name of the node in logs")->type_name("NAME");
    init->add_option("--listen", in.init.addresses, "numeric address to listen on, may be repeated (default: all)")
        ->type_name("ADDRESS")
        ->allow_extra_args(false);
    runs(init, [&in](const Context& context) {
        in.init.directory = in.directory;
        if (in.port_base >= 0) in.init.port_base = static_cast<std::uint16_t>(in.port_base);
        return run_init(in.init, context.output);
    });

    auto* user =
        add(app, "user", "users of this node", "echo secret | parleyctl user add alice@example.com --password-stdin");
    user->require_subcommand(1);
    const auto with_password = [&](CLI::App* sub) {
        sub->add_option("JID", in.user.jid, "user@domain")->required();
        sub->add_flag("--password-stdin", in.user.password_stdin,
                      "take the password from the first line of standard input");
    };
    auto* user_add =
        add(*user, "add", "add a user", "echo secret | parleyctl user add alice@example.com --password-stdin");
    with_password(user_add);
    runs(user_add, [&in](const Context& context) { return run_user_add(context, in.user); });
    auto* user_passwd = add(*user, "passwd", "give a user another password; running sessions end",
                            "parleyctl user passwd alice@example.com");
    with_password(user_passwd);
    runs(user_passwd, [&in](const Context& context) { return run_user_passwd(context, in.user); });
    auto* user_del =
        add(*user, "del", "delete a user with roster and stored messages", "parleyctl user del alice@example.com");
    user_del->add_option("JID", in.user.jid, "user@domain")->required();
    runs(user_del, [&in](const Context& context) { return run_user_del(context, in.user.jid); });
    auto* user_list = add(*user, "list", "list the users", "parleyctl user list example.com");
    user_list->add_option("DOMAIN", in.domain, "of this domain only");
    runs(user_list, [&in](const Context& context) { return run_user_list(context, in.domain); });
    auto* user_import =
        add(*user, "import", "add many users, or give them new passwords: lines JID<TAB>PASSWORD, one commit",
            "printf 'alice@example.com\\tsecret\\n' | parleyctl user import -");
    user_import->add_option("FILE", in.file, "the file, - for standard input")->required();
    runs(user_import, [&in](const Context& context) { return run_user_import(context, in.file); });

    auto* federation =
        add(app, "federation", "who may talk to us", "parleyctl federation allow partner.example --comment 'sales'");
    federation->require_subcommand(1);
    auto* allow =
        add(*federation, "allow", "allow a partner's domain; live at once",
            "parleyctl federation allow partner.example --via sip --profile ocs --next-hop edge.partner.example:5061");
    allow->add_option("DOMAIN", in.rule.domain, "the partner's domain")->required();
    allow->add_option("--via", in.via, "how it is reached: xmpp, sip, or auto (as its DNS says)")
        ->check(CLI::IsMember({"auto", "xmpp", "sip"}))
        ->type_name("HOW");
    allow
        ->add_option("--profile", in.rule.profile,
                     "kind of partner: simple, ocs, lync, aol, sametime, cup, xmpp, googletalk, webex, parley")
        ->type_name("P");
    allow->add_option("--next-hop", in.rule.next_hop, "go there instead of asking DNS")->type_name("HOST:PORT");
    allow->add_flag("--tcp", in.tcp, "SIP without TLS to the next hop");
    allow->add_option("--tls", in.tls, "XMPP: off, optional or required (default)")
        ->check(CLI::IsMember({"off", "optional", "required"}))
        ->type_name("POLICY");
    allow->add_flag("--dialback,!--no-dialback", in.rule.dialback, "XMPP: dialback may prove the domain, inside TLS");
    allow->add_flag("--plain-dialback,!--no-plain-dialback", in.rule.plain_dialback,
                    "XMPP: dialback may prove the domain without TLS");
    allow->add_flag("--untrusted-certificate,!--trusted-certificate", in.untrusted,
                    "accept a certificate that no CA we trust has signed");
    allow->add_flag("!--no-external-in", in.rule.external_in, "XMPP: its certificate is no proof of who it is");
    allow->add_flag("!--no-external-out", in.rule.external_out, "XMPP: our certificate is not offered as a proof");
    allow->add_flag("--ask-certificate,!--no-ask-certificate", in.rule.ask_certificate,
                    "XMPP: ask for its certificate when it connects to us");
    allow->add_flag("!--no-direct-tls", in.rule.direct_tls, "XMPP: leave out ports where TLS comes first");
    allow->add_flag("--bidi,!--no-bidi", in.rule.bidi, "XMPP: one stream for both directions where the partner can");
    allow->add_option("--release", in.rule.release, "CUP: the release that the partner runs")->type_name("R");
    allow->add_flag("--trusted-by-partner", in.rule.trusted_by_partner,
                    "SIP: the partner's administrator has listed us: full speed instead of 18 requests a second");
    allow
        ->add_option("--legacy-tls-until", in.legacy_day,
                     "SIP: TLS 1.0 for a partner of the OCS generation, until this day (YYYY-MM-DD) is over")
        ->type_name("DAY");
    allow
        ->add_option("--clearing-house", in.rule.clearing_house,
                     "AOL: the domain by whose route it is reached when DNS does not know it (default: aol.com)")
        ->type_name("DOMAIN");
    allow->add_flag("!--no-mail-names", in.rule.mail_names,
                    "AOL: refuse its users whose name is an e-mail address, user(mail.example)");
    allow->add_option("--tls-name", in.rule.tls_names, "a further name that its certificate may have; may be repeated")
        ->type_name("NAME")
        ->allow_extra_args(false);
    allow->add_option("--direction", in.direction, "whose people may write and ask: both, in (theirs) or out (ours)")
        ->check(CLI::IsMember({"both", "in", "out"}))
        ->type_name("WAY");
    allow->add_flag("--subdomains", in.rule.subdomains, "the subdomains too, as far as they have no rule of their own");
    allow->add_option("--comment", in.rule.comment, "why, for people")->type_name("TEXT");
    runs(allow, [&in, allow](const Context& context) {
        in.rule.allowed = true;
        if (const auto* kind = im::find_xmpp_profile(in.rule.profile)) use_defaults(*kind, *allow, in);
        in.rule.inbound = in.direction != "out";
        in.rule.outbound = in.direction != "in";
        in.rule.transport = *admin::parse_transport(in.via);
        in.rule.tls = *admin::parse_tls_policy(in.tls);
        in.rule.next_hop_tls = !in.tcp;
        in.rule.trusted_certificate = !in.untrusted;
        if (!in.legacy_day.empty()) {
            const auto until = admin::parse_last_day(in.legacy_day);
            if (!until) return context.output.fail(exit_usage, {"rule.legacy-tls-date", {in.legacy_day}});
            in.rule.legacy_tls_until = *until;
        }
        return run_federation_put(context, in.rule);
    });
    auto* deny = add(*federation, "deny", "refuse a domain, whatever the default says",
                     "parleyctl federation deny spam.example");
    deny->add_option("DOMAIN", in.rule.domain, "the domain")->required();
    deny->add_flag("--subdomains", in.rule.subdomains, "its subdomains too, as far as they have no rule of their own");
    deny->add_option("--comment", in.rule.comment, "why, for people")->type_name("TEXT");
    runs(deny, [&in](const Context& context) {
        in.rule.allowed = false;
        return run_federation_put(context, in.rule);
    });
    auto* remove = add(*federation, "remove", "forget the rule of a domain: the default holds again",
                       "parleyctl federation remove partner.example");
    remove->add_option("DOMAIN", in.domain, "the domain")->required();
    runs(remove, [&in](const Context& context) { return run_federation_remove(context, in.domain); });
    auto* standard = add(*federation, "default", "allow or deny XMPP domains that have no rule",
                         "parleyctl federation default deny");
    standard->add_option("VERDICT", in.verdict, "allow or deny")->required()->check(CLI::IsMember({"allow", "deny"}));
    runs(standard, [&in](const Context& context) { return run_federation_default(context, in.verdict == "allow"); });
    runs(add(*federation, "list", "show the rules", "parleyctl federation list --json"), run_federation_list);

    auto* retry = add(*federation, "retry", "try a partner again at once: DNS, connections, subscriptions, messages",
                      "parleyctl federation retry partner.example");
    retry->add_option("DOMAIN", in.domain, "the partner's domain")->required();
    runs(retry, [&in](const Context& context) { return run_act(context, admin::RetryFederation{in.domain}, false); });

    using At = admin::Look::At;
    const auto looks = [&](CLI::App* sub, At at) {
        runs(sub, [&in, at](const Context& context) { return run_look(context, {at, in.domain, in.from}); });
    };
    auto* show = add(*federation, "show", "everything that is known of a partner: rule, way, connections, last errors",
                     "parleyctl federation show partner.example");
    show->add_option("DOMAIN", in.domain, "the partner's domain")->required();
    looks(show, At::partner);
    looks(add(*federation, "sessions", "the open message sessions with SIP partners", "parleyctl federation sessions"),
          At::sessions);
    auto* test = add(*federation, "test", "would a message get through? each step, with what to do when it fails",
                     "parleyctl federation test partner.example");
    test->add_option("DOMAIN", in.domain, "the partner's domain")->required();
    test->add_option("--from", in.from, "the local domain that writes (default: the first)")->type_name("DOMAIN");
    looks(test, At::test);

    auto* history =
        add(*federation, "history", "what has happened with a partner: connections, attempts, refusals, rules",
            "parleyctl federation history partner.example");
    history->add_option("DOMAIN", in.domain, "the partner's domain")->required();
    looks(history, At::history);
    auto* refusals = add(*federation, "refusals", "which servers were refused, and what they were told",
                         "parleyctl federation refusals k7x2m9qa");
    refusals->add_option("DOMAIN|REFERENCE", in.domain, "of this partner, or the one that was told this reference");
    looks(refusals, At::refusals);
    auto* sheet = add(*federation, "sheet", "what a partner's administrator needs to reach us",
                      "parleyctl federation sheet example.com");
    sheet->add_option("DOMAIN", in.domain, "of this local domain only");
    looks(sheet, At::sheet);

    auto* dns = add(app, "dns", "the names that others find this node by", "parleyctl dns plan");
    dns->require_subcommand(1);
    auto* plan = add(*dns, "plan", "the records to publish and the certificate names needed, and which are there",
                     "parleyctl dns plan example.com");
    plan->add_option("DOMAIN", in.domain, "of this local domain only");
    looks(plan, At::dns_plan);

    auto* policy = add(app, "policy", "what a user has decided about who may see and reach the user",
                       "parleyctl policy block alice@example.com spam.example");
    policy->require_subcommand(1);
    auto* policy_show =
        add(*policy, "show", "the defaults and the list of a user", "parleyctl policy show alice@example.com");
    policy_show->add_option("JID", in.policy.jid, "the user")->required();
    runs(policy_show, [&in](const Context& context) { return run_policy_show(context, in.policy.jid); });
    const auto decides = [&](const char* name, const char* what, std::optional<im::Verdict> verdict) {
        auto* sub = add(*policy, name, what,
                        "parleyctl policy " + std::string(name) + " alice@example.com bob@partner.example");
        sub->add_option("JID", in.policy.jid, "the user")->required();
        sub->add_option("WHO", in.policy.who, "people (user@domain) and domains")->required()->expected(1, 20'000);
        runs(sub, [&in, verdict](const Context& context) {
            in.policy.verdict = verdict;
            return run_policy_change(context, in.policy);
        });
    };
    decides("allow", "let these see the user; requests that wait are answered", im::Verdict::allow);
    decides("block", "the user is offline for these, and nothing of theirs arrives", im::Verdict::block);
    decides("unset", "take these out of the list: the default holds", std::nullopt);
    auto* policy_default = add(*policy, "default", "the answer to new requests of people who are not in the list",
                               "parleyctl policy default alice@example.com --inside allow --outside ask");
    policy_default->add_option("JID", in.policy.jid, "the user")->required();
    for (auto& [name, value, what] :
         {std::tuple{"--inside", &in.inside, "of people of our own domains: allow, block or ask"},
          std::tuple{"--outside", &in.outside, "of all others"}})
        policy_default->add_option(name, *value, what)
            ->check(CLI::IsMember({"allow", "block", "ask"}))
            ->type_name("VERDICT");
    runs(policy_default, [&in](const Context& context) {
        in.policy.inside = im::verdict_of(in.inside);
        in.policy.outside = im::verdict_of(in.outside);
        return run_policy_change(context, in.policy);
    });
    auto* explain = add(app, "explain", "why WATCHER sees TARGET, or does not: each gate, and what would change it",
                        "parleyctl explain bob@partner.example alice@example.com");
    explain->add_option("WATCHER", in.watcher, "who wants to see")->required();
    explain->add_option("TARGET", in.target, "who is to be seen")->required();
    runs(explain, [&in](const Context& context) {
        admin::Look look;
        look.at = At::explain;
        look.watcher = in.watcher;
        look.target = in.target;
        return run_look(context, std::move(look));
    });

    auto* trace = add(app, "trace", "follow messages and subscriptions through the node, over XMPP and SIP",
                      "parleyctl trace start alice@example.com bob@partner.example && parleyctl trace show");
    trace->require_subcommand(1);
    const auto traces = [&](CLI::App* sub, admin::Trace::Do what) {
        runs(sub, [&in, what](const Context& context) {
            in.trace.what = what;
            return run_trace(context, in.trace, in.trace_options);
        });
    };
    auto* trace_start = add(*trace, "start", "begin to record what passes from and to a user or a domain",
                            "parleyctl trace start alice@example.com bob@partner.example --minutes 10");
    trace_start->add_option("WHO", in.trace.who, "a user (ours or a partner's) or a partner's domain")->required();
    trace_start->add_option("WITH", in.trace.with, "only what passes between the two");
    trace_start->add_option("--minutes", in.trace.minutes, "for so long (5)")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{im::longest_trace.count()}))
        ->type_name("N");
    trace_start->add_flag("--bodies", in.trace.bodies, "record texts too; who does so is in the audit log");
    traces(trace_start, admin::Trace::Do::start);
    auto* trace_show = add(*trace, "show", "what a trace has recorded, as a ladder", "parleyctl trace show 1 --bodies");
    trace_show->add_option("TRACE", in.trace.key, "its number, user or domain (default: the newest)");
    trace_show->add_option("--only", in.trace_options.group, "one message or subscription: the N of its #N")
        ->check(CLI::Range(1, 1'000'000))
        ->type_name("N");
    trace_show->add_flag("--bodies", in.trace.bodies, "with the texts that were recorded");
    trace_show->add_flag("--mermaid", in.trace_options.mermaid, "as a Mermaid sequence diagram, for a ticket");
    traces(trace_show, admin::Trace::Do::show);
    auto* trace_stop = add(*trace, "stop", "end a trace; what it has recorded stays for a day", "parleyctl trace stop");
    trace_stop->add_option("TRACE", in.trace.key, "its number, user or domain (default: the newest that runs)");
    trace_stop->add_flag("--forget", in.trace.forget, "what it has recorded goes too");
    traces(trace_stop, admin::Trace::Do::stop);
    traces(add(*trace, "list", "the traces that run or have ended", "parleyctl trace list"), admin::Trace::Do::list);

    auto* presence = add(*federation, "presence", "how presence is translated for each kind of SIP partner",
                         "parleyctl federation presence ocs");
    presence->add_option("KIND", in.domain, "of this kind only: simple, ocs, lync, aol");
    runs(presence, [&in](const Context& context) { return run_federation_presence(context, in.domain); });

    runs(add(app, "status", "what the running parleyd does", "parleyctl --dir node status"), run_status);
    runs(add(app, "reload", "apply the configuration and the certificates without losing a connection",
             "parleyctl reload"),
         run_reload);
    auto* config = add(app, "config", "the configuration", "parleyctl config check");
    config->require_subcommand(1);
    runs(add(*config, "check", "say everything that is wrong with parley.toml and what it names",
             "parleyctl config check --json"),
         run_config_check);
    runs(add(app, "version", "print the version", "parleyctl version"), [](const Context& context) {
        if (context.output.json)
            std::cout << "{\"version\":\"" << admin::version << "\"}\n";
        else
            std::cout << "parleyctl " << admin::version << "\n";
        return static_cast<int>(exit_ok);
    });

    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp& help) {
        return app.exit(help, std::cout, std::cerr);
    } catch (const CLI::ParseError& error) {
        const auto meant = suggestion(app, argc, argv);
        std::cerr << "parleyctl: " << (meant.empty() ? error.what() : meant) << "; see parleyctl --help\n";
        return exit_usage;
    }
    Context context;
    context.link.directory = in.directory.empty() ? admin::default_directory() : std::filesystem::path(in.directory);
    context.link.timeout_seconds = in.timeout;
    context.output.json = in.json;
    context.output.quiet = in.quiet;
    context.output.language = in.language.empty()   ? admin::language_from_environment()
                              : in.language == "ja" ? admin::Language::japanese
                                                    : admin::Language::english;
    return verb(context);
}

}  // namespace parley::ctl
