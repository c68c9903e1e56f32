#pragma once

#include <memory>
#include <utility>

#include "base/executor.hpp"
#include "storage/stores.hpp"

namespace parley::test {

// What fails at the moment, for all stores that look at it.
struct StoreFaults {
    bool accounts = false, rosters = false;  // their reads
    bool spool_reads = false, spool_writes = false;
    bool room_writes = false;
    Error error{Errc::storage, "disk I/O error"};
};

// Stores that fail when they are told to, as a disk does: later, through `done`, and with nothing done.
class FaultyStores final : public storage::Stores {
public:
    FaultyStores(std::unique_ptr<storage::Stores> real, Executor& executor, const StoreFaults& faults)
        : real_(std::move(real)),
          accounts_{this},
          rosters_{this},
          spool_{this},
          rooms_{this},
          executor_(executor),
          faults_(faults) {}

    storage::AccountStore& accounts() override { return accounts_; }
    storage::RosterStore& rosters() override { return rosters_; }
    storage::SpoolStore& spool() override { return spool_; }
    storage::OutboxStore& outbox() override { return real_->outbox(); }
    storage::DialogStore& dialogs() override { return real_->dialogs(); }
    storage::VcardStore& vcards() override { return real_->vcards(); }
    storage::PolicyStore& policy() override { return real_->policy(); }
    storage::UserPolicyStore& user_policies() override { return real_->user_policies(); }
    storage::RoomStore& rooms() override { return rooms_; }
    storage::HistoryStore& history() override { return real_->history(); }

private:
    template <class T>
    using Done = storage::Done<T>;
    template <class T>
    void fail(Done<T> done) {
        executor_.post([done = std::move(done), error = faults_.error]() mutable { done(error); });
    }

    struct Accounts final : storage::AccountStore {
        explicit Accounts(FaultyStores* all) : all_(all) {}
        void load(xmpp::Jid user, Done<storage::Account> done) override {
            if (all_->faults_.accounts) return all_->fail(std::move(done));
            real().load(std::move(user), std::move(done));
        }
        void create(storage::Account account, Done<void> done) override {
            real().create(std::move(account), std::move(done));
        }
        void create_many(std::vector<storage::Account> accounts, Done<std::size_t> done) override {
            real().create_many(std::move(accounts), std::move(done));
        }
        void replace_keys(storage::Account account, Done<void> done) override {
            real().replace_keys(std::move(account), std::move(done));
        }
        void remove(xmpp::Jid user, Done<void> done) override { real().remove(std::move(user), std::move(done)); }
        void list(std::string domain, Done<std::vector<xmpp::Jid>> done) override {
            real().list(std::move(domain), std::move(done));
        }
        storage::AccountStore& real() { return all_->real_->accounts(); }
        FaultyStores* all_;
    };
    struct Rosters final : storage::RosterStore {
        explicit Rosters(FaultyStores* all) : all_(all) {}
        void load(xmpp::Jid user, Done<im::Roster> done) override {
            if (all_->faults_.rosters) return all_->fail(std::move(done));
            all_->real_->rosters().load(std::move(user), std::move(done));
        }
        void apply(xmpp::Jid user, storage::RosterChange change, Done<void> done) override {
            all_->real_->rosters().apply(std::move(user), std::move(change), std::move(done));
        }
        FaultyStores* all_;
    };
    struct Spool final : storage::SpoolStore {
        explicit Spool(FaultyStores* all) : all_(all) {}
        void append(storage::SpooledMessage message, Done<Appended> done) override {
            if (all_->faults_.spool_writes) return all_->fail(std::move(done));
            real().append(std::move(message), std::move(done));
        }
        void load(xmpp::Jid user, std::int64_t after, std::size_t limit,
                  Done<std::vector<storage::SpooledMessage>> done) override {
            if (all_->faults_.spool_reads) return all_->fail(std::move(done));
            real().load(std::move(user), after, limit, std::move(done));
        }
        void remove(xmpp::Jid user, std::vector<std::int64_t> ids, Done<void> done) override {
            real().remove(std::move(user), std::move(ids), std::move(done));
        }
        void usage(xmpp::Jid user, Done<storage::SpoolUsage> done) override {
            if (all_->faults_.spool_reads) return all_->fail(std::move(done));
            real().usage(std::move(user), std::move(done));
        }
        storage::SpoolStore& real() { return all_->real_->spool(); }
        FaultyStores* all_;
    };

    struct Rooms final : storage::RoomStore {
        explicit Rooms(FaultyStores* all) : all_(all) {}
        void load(xmpp::Jid room, Done<Loaded> done) override { real().load(std::move(room), std::move(done)); }
        void create(storage::RoomRow row, storage::RoomQuota quota, Done<void> done) override {
            if (all_->faults_.room_writes) return all_->fail(std::move(done));
            real().create(std::move(row), quota, std::move(done));
        }
        void put(storage::RoomRow row, Done<void> done) override {
            if (all_->faults_.room_writes) return all_->fail(std::move(done));
            real().put(std::move(row), std::move(done));
        }
        void remove(xmpp::Jid room, Done<void> done) override { real().remove(std::move(room), std::move(done)); }
        void list(std::string domain, Done<std::vector<Listed>> done) override {
            real().list(std::move(domain), std::move(done));
        }
        void append(xmpp::Jid room, storage::RoomMessage message, std::size_t keep, Done<bool> done) override {
            if (all_->faults_.room_writes) return all_->fail(std::move(done));
            real().append(std::move(room), std::move(message), keep, std::move(done));
        }
        storage::RoomStore& real() { return all_->real_->rooms(); }
        FaultyStores* all_;
    };

    std::unique_ptr<storage::Stores> real_;
    Accounts accounts_;
    Rosters rosters_;
    Spool spool_;
    Rooms rooms_;
    Executor& executor_;
    const StoreFaults& faults_;
};

}  // namespace parley::test
