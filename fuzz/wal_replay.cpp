// A damaged database and log: opening them, reading, and writing must end in errors at worst. The input is a list of
// changes to a good pair of files, four bytes each: which file (bit 7 of the first), an offset (23 bits), the new byte.
// 0xFF as that byte cuts the file off there.
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <unistd.h>
#include <vector>

#include "storage/sqlite/engine.hpp"

namespace {

using namespace parley;

class QueueExecutor final : public Executor {
public:
    void post(Function<void()> work) override { work_.push_back(std::move(work)); }
    Timer after(Millis, Function<void()>) override { std::abort(); }
    const Clock& clock() const override { return clock_; }
    bool in_this_thread() const override { return true; }
    void run() {
        for (std::size_t i = 0; i < work_.size(); ++i) std::exchange(work_[i], nullptr)();
        work_.clear();
    }

private:
    std::vector<Function<void()>> work_;
    SystemClock clock_;
};

storage::sqlite::Options options() {
    storage::sqlite::Options options;
    options.threads = storage::sqlite::Options::Threads::inline_;
    options.synchronous = storage::sqlite::Connection::Synchronous::off;  // only for speed
    return options;
}

void work_with(storage::Engine& engine, int number) {
    QueueExecutor executor;
    const auto stores = engine.stores_for(executor);
    const auto user = xmpp::Jid::parse("bob@example.com").value();
    storage::SpooledMessage message;
    message.user = user;
    message.from = xmpp::Jid::parse("alice@example.com/desk").value();
    for (int i = 0; i < 8; ++i) {
        message.origin = std::to_string(number) + '-' + std::to_string(i);
        message.stanza = std::string(static_cast<std::size_t>(700 * i), 'x');
        stores->spool().append(message, [&](Result<storage::SpoolStore::Appended> done) {
            if (done && i % 3 == 0) stores->spool().remove(user, {done->id}, nullptr);
        });
        executor.run();
    }
    im::RosterItem item;
    item.contact = message.from.bare();
    item.groups = {"a", "b"};
    stores->rosters().apply(user, {1, {item}, {}}, nullptr);
    stores->outbox().append({.from = user, .to = item.contact, .origin = "o", .stanza = "<message/>"}, nullptr);
    stores->dialogs().put({1, "call", "record"}, nullptr);
    stores->policy().put({.domain = "example.org", .tls_names = {"a", "b"}}, nullptr);
    stores->spool().load(user, 0, 1000, [](Result<std::vector<storage::SpooledMessage>>) {});
    stores->spool().usage(user, [](Result<storage::SpoolUsage>) {});
    stores->accounts().load(user, [](Result<storage::Account>) {});
    stores->accounts().list("", [](Result<std::vector<xmpp::Jid>>) {});
    stores->rosters().load(user, [](Result<im::Roster>) {});
    stores->outbox().load_all([](Result<std::vector<storage::OutboundStanza>>) {});
    stores->dialogs().load(0, 1023, [](Result<std::vector<storage::DialogRow>>) {});
    stores->vcards().load(user, [](Result<std::string>) {});
    stores->policy().load([](Result<im::FederationPolicy>) {});
    executor.run();
}

struct Files {
    std::string database, log;
};

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}
void write_file(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// Made at the first use, gone with the process.
struct Folder {
    Folder() {
        if (!::mkdtemp(path.data())) std::abort();
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { std::filesystem::remove_all(path); }
    std::string path = "/dev/shm/parley-fuzz-XXXXXX";
};
const std::string& folder() {
    static const Folder made;
    return made.path;
}

// As a killed process leaves them: a part in the database, a part in the log.
Files good_files() {
    auto engine = storage::sqlite::Engine::open(folder(), options());
    if (!engine) std::abort();
    work_with(**engine, 1);
    if (!(*engine)->database().checkpoint()) std::abort();
    work_with(**engine, 2);
    return {read_file(folder() + "/parley.db"), read_file(folder() + "/parley.db-wal")};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Files good = good_files();
    Files files = good;
    for (; size >= 4; data += 4, size -= 4) {
        std::string& file = data[0] & 0x80 ? files.log : files.database;
        if (file.empty()) continue;
        const std::size_t offset =
            ((std::size_t{data[0]} & 0x7F) << 16 | std::size_t{data[1]} << 8 | std::size_t{data[2]}) % file.size();
        if (data[3] == 0xFF)
            file.resize(offset);
        else
            file[offset] = static_cast<char>(data[3]);
    }
    const std::string path = folder() + "/parley.db";
    std::filesystem::remove(path + "-shm");
    write_file(path, files.database);
    write_file(path + "-wal", files.log);
    const auto engine = storage::sqlite::Engine::open(folder(), options());
    if (engine) work_with(**engine, 3);
    return 0;
}
