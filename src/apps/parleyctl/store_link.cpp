#include <deque>
#include <iostream>
#include <unistd.h>

#include "admin/audit_log.hpp"
#include "admin/config.hpp"
#include "admin/control.hpp"
#include "apps/parleyctl/node_link.hpp"
#include "im/policy_iq.hpp"
#include "storage/sqlite/engine.hpp"

namespace parley::ctl {
namespace {

// The store's callbacks come through an executor; here it is a queue that ask() runs dry.
class Queue final : public Executor {
public:
    void post(Function<void()> work) override { work_.push_back(std::move(work)); }
    Timer after(Millis, Function<void()>) override { return {}; }  // nothing here waits
    const Clock& clock() const override { return clock_; }
    bool in_this_thread() const override { return true; }
    void run() {
        while (!work_.empty()) {
            const auto work = std::move(work_.front());
            work_.pop_front();
            work();
        }
    }

private:
    std::deque<Function<void()>> work_;
    SystemClock clock_;
};

// The node is down: nobody has a session, and a policy is read at the next start.
class StoppedNode final : public admin::NodeControl {
public:
    StoppedNode(const admin::Config& config, storage::sqlite::Engine& engine, Executor& executor)
        : stores_(engine.stores_for(executor)), policy_entries_(config.limits.policy_entries) {
        for (const auto& domain : config.domains) domains_.push_back(domain.name);
    }
    std::vector<std::string> domains() const override { return domains_; }
    admin::NodeStatus status() const override { return {}; }
    admin::ReloadReport reload() override { return {}; }
    void end_sessions(const xmpp::Jid&, Ended) override {}
    void policy_changed(const im::FederationPolicy&) override {}
    void user_policy(const xmpp::Jid& user, Function<void(Result<im::UserPolicy>)> done) override {
        stores_->user_policies().load(user, std::move(done));
    }
    // Requests that wait are answered by it at the user's next log-in.
    void change_user_policy(const xmpp::Jid& user, im::PolicyChange change, Function<void(Result<>)> done) override {
        auto loaded = [this, user, change = std::move(change),
                       done = std::move(done)](Result<im::UserPolicy> policy) mutable {
            if (!policy) return done(policy.error());
            if (!im::has_room(*policy, change, policy_entries_)) return done(Error{Errc::too_long, user.to_string()});
            stores_->user_policies().apply(user, std::move(change), std::move(done));
        };
        stores_->user_policies().load(user, std::move(loaded));
    }
    void retry(const std::string&) override {}
    void look(const admin::Look&, Function<void(admin::Report)> done) override { done({}); }  // never asked

private:
    std::unique_ptr<storage::Stores> stores_;
    std::size_t policy_entries_;
    std::vector<std::string> domains_;
};

class StoreLink final : public NodeLink {
public:
    StoreLink(const admin::Config& config, std::unique_ptr<storage::sqlite::Engine> engine, admin::AuditLog audit)
        : audit_(std::move(audit)),
          engine_(std::move(engine)),
          stores_(engine_->stores_for(queue_)),
          node_(std::make_unique<StoppedNode>(config, *engine_, queue_)),
          control_(stores_->accounts(), stores_->policy(), *node_, audit_, clock_) {}

    ~StoreLink() override {
        node_.reset();
        stores_.reset();
        engine_.reset();
    }

    std::variant<admin::Response, Failure> ask(admin::Act act) override {
        std::optional<admin::Response> answer;
        control_.handle(std::move(act), actor(), [&](admin::Response response) { answer = std::move(response); });
        queue_.run();
        if (!answer) return Failure{exit_problem, {"ctl.internal", {"no answer from the store"}}};
        return *std::move(answer);
    }

private:
    static std::string actor() {
        const auto uid = std::to_string(::getuid());
        const char* name = std::getenv("USER");
        return "uid " + uid + (name != nullptr ? std::string(" (") + name + ')' : std::string()) +
               ", parleyd not running";
    }

    SystemClock clock_;
    Queue queue_;
    admin::AuditLog audit_;
    std::unique_ptr<storage::sqlite::Engine> engine_;
    std::unique_ptr<storage::Stores> stores_;
    std::unique_ptr<StoppedNode> node_;
    admin::Control control_;
};

}  // namespace

Linked link_to_store(const LinkOptions& options, admin::Language language) {
    const auto file = options.directory / "parley.toml";
    std::error_code failed;
    if (!std::filesystem::exists(file, failed))
        return NodeLink::Failure{exit_usage, {"ctl.no-folder", {options.directory.string()}}};
    auto loaded = admin::load_config(file, SystemClock().wall());
    if (!loaded.ok()) {
        std::cerr << admin::render(loaded.problems, file.string(), language);
        return NodeLink::Failure{exit_problem, {"reload.refused", {}}};
    }
    storage::sqlite::Options engine_options;
    engine_options.threads = storage::sqlite::Options::Threads::inline_;
    auto engine = storage::sqlite::Engine::open(loaded.config.store.string(), engine_options);
    if (!engine)
        return NodeLink::Failure{engine.error().code == Errc::conflict ? exit_unreachable : exit_problem,
                                 {"start.store-failed", {engine.error().detail}}};
    auto audit = admin::AuditLog::open(loaded.config.audit_file().string());
    if (!audit) return NodeLink::Failure{exit_problem, {"act.audit-failed", {audit.error().detail}}};
    return std::make_unique<StoreLink>(loaded.config, *std::move(engine), *std::move(audit));
}

}  // namespace parley::ctl
