// A value that changed on disk is seen, is not used, and takes nothing else with it.
#include "storage/sqlite/record_sum.hpp"

#include "storage/sqlite/engine.hpp"
#include "tests/contract/store_fixture.hpp"

namespace parley::storage::sqlite {
namespace {

using test::jid;

TEST(RecordSum, DependsOnEveryValueAndItsPlace) {
    const auto sum = record_sum(std::int64_t{1}, std::string("ab"), std::string("c"));
    EXPECT_EQ(sum, record_sum(std::int64_t{1}, std::string("ab"), std::string("c")));
    EXPECT_NE(sum, record_sum(std::int64_t{2}, std::string("ab"), std::string("c")));
    EXPECT_NE(sum, record_sum(std::int64_t{1}, std::string("a"), std::string("bc")));
    EXPECT_NE(sum, record_sum(std::int64_t{1}, std::string("c"), std::string("ab")));
    EXPECT_NE(sum, record_sum(std::int64_t{1}, std::string("ab"), std::string("c"), std::string()));
}

class DamageTest : public ::testing::Test {
protected:
    void open() {
        stores_.reset();
        engine_.reset();
        engine_ = Engine::open(folder_.path()).value();
        stores_ = engine_->stores_for(executor_);
    }
    // What a bad sector or a flipped bit does, seen from above: the value is another, and nothing else.
    void change(const std::string& sql) {
        stores_.reset();
        engine_.reset();
        auto database =
            Connection::open(folder_.path() + "/parley.db", Connection::Mode::write, Connection::Synchronous::full);
        ASSERT_TRUE((*database)->execute(sql));
        ASSERT_EQ((*database)->changes(), 1) << sql;
        database->reset();
        open();
    }
    template <class T, class Call>
    Result<T> ask(Call call) {
        std::optional<Result<T>> answer;
        call([&answer](Result<T> result) { answer.emplace(std::move(result)); });
        EXPECT_TRUE(executor_.run_until([&answer] { return answer.has_value(); }));
        return *std::move(answer);
    }
    template <class Call>
    void write(Call call) {
        EXPECT_TRUE(ask<void>(std::move(call)));
    }
    std::vector<std::string> spooled() {
        std::vector<std::string> texts;
        const auto load = [this](auto done) { stores_->spool().load(bob_, 0, 10, std::move(done)); };
        const auto messages = ask<std::vector<SpooledMessage>>(load);
        for (const auto& message : messages.value()) texts.push_back(message.stanza);
        return texts;
    }

    const xmpp::Jid bob_ = jid("bob@example.com");
    test::TemporaryFolder folder_;
    test::QueueExecutor executor_;
    std::unique_ptr<Engine> engine_;
    std::unique_ptr<Stores> stores_;
};

TEST_F(DamageTest, OfAMessageLeavesTheOthersOfItsUser) {
    open();
    for (const std::string text : {"<message>1</message>", "<message>2</message>", "<message>3</message>"}) {
        SpooledMessage message;
        message.user = bob_;
        message.from = jid("alice@example.com/desk");
        message.origin = "origin of " + text;
        message.stanza = text;
        const auto append = [&](auto done) { stores_->spool().append(message, std::move(done)); };
        ASSERT_TRUE(ask<SpoolStore::Appended>(append));
    }
    change("UPDATE spool SET stanza = '<message>9</message>' WHERE stanza LIKE '%2%'");
    EXPECT_EQ(spooled(), (std::vector<std::string>{"<message>1</message>", "<message>3</message>"}));
    change("UPDATE spool SET sender = 'mallory@example.com' WHERE stanza LIKE '%3%'");
    EXPECT_EQ(spooled(), std::vector<std::string>{"<message>1</message>"});
    change("UPDATE spool SET sum = NULL WHERE stanza LIKE '%9%'");  // from before there were sums
    EXPECT_EQ(spooled().size(), 2u);
}

TEST_F(DamageTest, OfAMessageForAPartnerLeavesTheOthers) {
    open();
    for (const std::string text : {"<message>1</message>", "<message>2</message>"}) {
        OutboundStanza stanza;
        stanza.from = jid("alice@example.com/desk");
        stanza.to = jid("romeo@montague.example");
        stanza.stanza = text;
        const auto append = [&](auto done) { stores_->outbox().append(stanza, std::move(done)); };
        ASSERT_TRUE(ask<OutboxStore::Appended>(append));
    }
    change("UPDATE outbox SET recipient = 'romeo@capulet.example' WHERE stanza LIKE '%1%'");
    const auto load = [this](auto done) { stores_->outbox().load_all(std::move(done)); };
    const auto stanzas = ask<std::vector<OutboundStanza>>(load);
    ASSERT_EQ(stanzas->size(), 1u);
    EXPECT_EQ(stanzas->front().stanza, "<message>2</message>");
}

TEST_F(DamageTest, OfADialogLeavesTheOthers) {
    open();
    for (const std::string key : {"a", "b"})
        write([&](auto done) { stores_->dialogs().put({7, key, "record of " + key}, std::move(done)); });
    change("UPDATE dialog SET record = CAST('record of x' AS BLOB) WHERE key = 'a'");
    const auto load = [this](auto done) { stores_->dialogs().load(0, 10, std::move(done)); };
    const auto rows = ask<std::vector<DialogRow>>(load);
    ASSERT_EQ(rows->size(), 1u);
    EXPECT_EQ(rows->front().key, "b");
    // Written again, it is whole again.
    write([&](auto done) { stores_->dialogs().put({7, "a", "new"}, std::move(done)); });
    EXPECT_EQ(ask<std::vector<DialogRow>>(load)->size(), 2u);
}

TEST_F(DamageTest, OfAContactLeavesTheOthers) {
    open();
    RosterChange change_of_roster;
    change_of_roster.version = 1;
    for (const auto* contact : {"carol@example.com", "dave@example.com"}) {
        im::RosterItem item;
        item.contact = jid(contact);
        item.subscription = im::Subscription::both;
        item.listed = true;
        change_of_roster.put.push_back(item);
    }
    write([&](auto done) { stores_->rosters().apply(bob_, change_of_roster, std::move(done)); });
    change("UPDATE roster_item SET subscription = 0 WHERE contact = 'carol@example.com'");
    const auto load = [this](auto done) { stores_->rosters().load(bob_, std::move(done)); };
    const auto roster = ask<im::Roster>(load);
    ASSERT_EQ(roster->items.size(), 1u);
    EXPECT_EQ(roster->items.begin()->first, jid("dave@example.com"));
}

TEST_F(DamageTest, OfAnAccountIsNotAnAccountThatIsNotThere) {
    open();
    Account account;
    account.jid = bob_;
    account.sha1 = {"salt", 4096, "stored", "server"};
    account.sha256 = {"salt", 4096, "stored", "server"};
    write([&](auto done) { stores_->accounts().create(account, std::move(done)); });
    const auto load = [this](auto done) { stores_->accounts().load(bob_, std::move(done)); };
    ASSERT_EQ(ask<Account>(load).value(), account);
    change("UPDATE account SET disabled = 1");
    const auto damaged = ask<Account>(load);
    ASSERT_FALSE(damaged);
    EXPECT_EQ(damaged.error().code, Errc::storage);
    write([&](auto done) { stores_->accounts().replace_keys(account, std::move(done)); });
    EXPECT_EQ(ask<Account>(load).value(), account);
}

TEST_F(DamageTest, OfAVcardIsSaid) {
    open();
    write([&](auto done) { stores_->vcards().put(bob_, "<vCard/>", std::move(done)); });
    const auto load = [this](auto done) { stores_->vcards().load(bob_, std::move(done)); };
    ASSERT_EQ(ask<std::string>(load).value(), "<vCard/>");
    change("UPDATE vcard SET xml = '<vCabd/>'");
    EXPECT_FALSE(ask<std::string>(load));
}

}  // namespace
}  // namespace parley::storage::sqlite
