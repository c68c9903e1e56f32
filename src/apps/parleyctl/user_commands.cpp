#include <atomic>
#include <fstream>
#include <iostream>
#include <optional>
#include <termios.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "apps/parleyctl/commands.hpp"
#include "base/text.hpp"
#include "xmpp/jid.hpp"

namespace parley::ctl {
namespace {

using admin::Message;

constexpr std::size_t most_threads = 64;
constexpr std::size_t longest_line = 8192;

// Echo off for the time of a prompt, also when the prompt ends by an exception.
class Silence {
public:
    Silence() {
        if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
        auto quiet = before_;
        quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        set_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
    }
    ~Silence() {
        if (set_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    }
    Silence(const Silence&) = delete;
    Silence& operator=(const Silence&) = delete;

private:
    termios before_{};
    bool set_ = false;
};

std::string prompt(const char* text) {
    std::cerr << text << std::flush;
    std::string line;
    {
        const Silence silence;
        std::getline(std::cin, line);
    }
    std::cerr << "\n";
    return line;
}

std::optional<std::string> read_password(const UserOptions& options, const Output& output, int& exit) {
    std::string password;
    if (options.password_stdin) {
        std::getline(std::cin, password);
        if (password.ends_with('\r')) password.pop_back();
    } else if (::isatty(STDIN_FILENO) == 0) {
        exit = output.fail(exit_usage, {"ctl.no-tty", {}});
        return std::nullopt;
    } else {
        password = prompt("Password: ");
        if (prompt("Again: ") != password) {
            exit = output.fail(exit_usage, {"ctl.passwords-differ", {}});
            return std::nullopt;
        }
    }
    if (password.empty()) {
        exit = output.fail(exit_usage, {"ctl.empty-password", {}});
        return std::nullopt;
    }
    return password;
}

Result<admin::UserKeys> derive(const std::string& jid, std::string_view password, Random& random) {
    auto sha1 = xmpp::derive_scram_keys(xmpp::ScramHash::sha1, password, random);
    if (!sha1) return sha1.error();
    auto sha256 = xmpp::derive_scram_keys(xmpp::ScramHash::sha256, password, random);
    if (!sha256) return sha256.error();
    return admin::UserKeys{jid, *std::move(sha1), *std::move(sha256)};
}

// The address is looked at before a password is asked for; whether the domain is ours is the node's to say.
std::optional<Message> why_no_user(const std::string& jid) {
    const auto parsed = xmpp::Jid::parse(jid);
    if (!parsed) return Message{"act.bad-jid", {jid, parsed.error().detail}};
    if (parsed->local().empty() || !parsed->is_bare()) return Message{"act.jid-needs-local", {jid}};
    return std::nullopt;
}

template <class A>
int with_password(const Context& context, const UserOptions& options) {
    if (const auto wrong = why_no_user(options.jid)) return context.output.fail(exit_usage, *wrong);
    int exit = exit_ok;
    const auto password = read_password(options, context.output, exit);
    if (!password) return exit;
    SystemRandom random;
    auto keys = derive(options.jid, *password, random);
    if (!keys) return context.output.fail(exit_refused, {"act.bad-password", {keys.error().detail}});
    return run_act(context, A{*std::move(keys)}, true);
}

struct Entry {
    std::size_t line;
    std::string jid, password;
};

// Deriving keys is made to cost time (10,000 rounds); all processors share it.
std::vector<Result<admin::UserKeys>> derive_all(const std::vector<Entry>& entries) {
    std::vector<Result<admin::UserKeys>> keys(entries.size(), Error{Errc::closed, {}});
    std::atomic<std::size_t> next{0};
    const auto work = [&] {
        SystemRandom random;
        for (std::size_t i = 0; (i = next.fetch_add(1)) < entries.size();)
            keys[i] = derive(entries[i].jid, entries[i].password, random);
    };
    std::vector<std::thread> threads;
    const auto count =
        std::min<std::size_t>({most_threads, std::max(1u, std::thread::hardware_concurrency()), entries.size()});
    for (std::size_t i = 1; i < count; ++i) threads.emplace_back(work);
    work();
    for (auto& thread : threads) thread.join();
    return keys;
}

}  // namespace

int run_user_add(const Context& context, const UserOptions& options) {
    return with_password<admin::AddUser>(context, options);
}
int run_user_passwd(const Context& context, const UserOptions& options) {
    return with_password<admin::SetPassword>(context, options);
}

int run_user_del(const Context& context, const std::string& jid) {
    return run_act(context, admin::DeleteUser{jid}, true);
}

int run_user_list(const Context& context, const std::string& domain) {
    auto linked = link_to_node(context.link, true, context.output.language);
    if (const auto* failure = std::get_if<NodeLink::Failure>(&linked))
        return context.output.fail(failure->code, failure->message);
    auto answer = std::get<std::unique_ptr<NodeLink>>(linked)->ask(admin::ListUsers{domain});
    if (const auto* failure = std::get_if<NodeLink::Failure>(&answer))
        return context.output.fail(failure->code, failure->message);
    const auto& response = std::get<admin::Response>(answer);
    const auto* users = std::get_if<std::vector<std::string>>(&response.payload);
    if (context.output.json || users == nullptr) return context.output.answer(response);
    for (const auto& user : *users) std::cout << user << "\n";
    return exit_ok;
}

int run_user_import(const Context& context, const std::string& file) {
    std::ifstream opened;
    if (file != "-") {
        opened.open(file);
        if (!opened) return context.output.fail(exit_usage, {"file.unreadable", {file, "?"}});
    }
    auto& in = file == "-" ? std::cin : static_cast<std::istream&>(opened);
    std::vector<Entry> entries;
    bool wrong = false;
    const auto complain = [&](std::size_t line, const Message& what) {
        wrong = true;
        context.output.fail(exit_refused,
                            {"ctl.import-line", {std::to_string(line), what.in(context.output.language)}});
    };
    std::size_t number = 0;
    for (std::string line; std::getline(in, line);) {
        ++number;
        if (line.ends_with('\r')) line.pop_back();
        if (number == 1 && line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);
        if (trim(line).empty() || line.starts_with('#')) continue;
        const auto tab = line.find('\t');
        if (line.size() > longest_line || tab == std::string::npos) {
            complain(number, {"act.bad-request", {"JID<TAB>PASSWORD"}});
            continue;
        }
        Entry entry{number, line.substr(0, tab), line.substr(tab + 1)};
        if (const auto why = why_no_user(entry.jid))
            complain(number, *why);
        else if (entry.password.empty())
            complain(number, {"ctl.empty-password", {}});
        else
            entries.push_back(std::move(entry));
    }
    if (wrong) return exit_refused;  // nothing is stored of a file with mistakes
    auto keys = derive_all(entries);
    std::vector<admin::ImportUsers> parts(1);
    for (std::size_t i = 0; i < keys.size(); ++i) {
        if (!keys[i]) {
            complain(entries[i].line, {"act.bad-password", {keys[i].error().detail}});
            continue;
        }
        if (parts.back().users.size() == admin::control_import_users) parts.emplace_back();
        parts.back().users.push_back(*std::move(keys[i]));
    }
    if (wrong) return exit_refused;
    int exit = exit_ok;
    for (auto& part : parts)
        if (exit == exit_ok) exit = run_act(context, std::move(part), true);
    return exit;
}

}  // namespace parley::ctl
