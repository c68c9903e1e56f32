#pragma once

#include "tests/contract/store_fixture.hpp"

namespace parley::test {

class HistoryStoreContract : public StoreContract {
protected:
    using Event = im::PartnerEvent;
    using Change = im::PartnerHistory::Change;

    storage::HistoryStore::All load() {
        return wait<storage::HistoryStore::All>([&](auto done) { stores_->history().load(std::move(done)); }).value();
    }
    Result<void> apply(Change change) {
        return wait([&](auto done) { stores_->history().apply(std::move(change), std::move(done)); });
    }
    static Event event(std::uint64_t number, std::uint32_t times = 1) {
        Event out;
        out.what = Event::What::failed;
        out.fault = Event::Fault::silent;
        out.by_us = true;
        out.local = "example.com";
        out.detail = "it does not answer \xe6\x97\xa5";
        out.place = "xmpp.partner.example 192.0.2.1:5269";
        out.first = TimePoint(Millis(1'700'000'000'123));
        out.last = out.first + Millis(1'000 * times);
        out.times = times;
        out.number = number;
        return out;
    }
};

TEST_P(HistoryStoreContract, KeepsEachPartnersEventsInTheirOrder) {
    EXPECT_TRUE(load().empty());
    ASSERT_TRUE(apply({"partner.example", {event(1), event(2)}, 1}));
    ASSERT_TRUE(apply({"other.example", {event(10)}, 10}));
    ASSERT_TRUE(apply({"partner.example", {event(3)}, 1}));
    reopen();
    const auto all = load();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all.at("partner.example"), (std::vector{event(1), event(2), event(3)}));
    EXPECT_EQ(all.at("other.example"), std::vector{event(10)});
}

TEST_P(HistoryStoreContract, ReplacesWhatHasChangedAndDropsWhatIsOld) {
    ASSERT_TRUE(apply({"partner.example", {event(1), event(2), event(3)}, 1}));
    ASSERT_TRUE(apply({"partner.example", {event(3, 7), event(4)}, 3}));
    EXPECT_EQ(load().at("partner.example"), (std::vector{event(3, 7), event(4)}));
}

TEST_P(HistoryStoreContract, ForgetsAPartner) {
    ASSERT_TRUE(apply({"partner.example", {event(1)}, 1}));
    ASSERT_TRUE(apply({"other.example", {event(1)}, 1}));
    ASSERT_TRUE(apply({"partner.example", {}, 0, true}));
    const auto all = load();
    EXPECT_FALSE(all.contains("partner.example"));
    EXPECT_TRUE(all.contains("other.example"));
}

TEST_P(HistoryStoreContract, KeepsRefusalsUntilTheyGo) {
    const auto load_refusals = [this] {
        return wait<std::vector<im::Refusal>>([&](auto done) { stores_->history().load_refusals(std::move(done)); })
            .value();
    };
    const auto apply_refusals = [this](im::Refusals::Change change) {
        return wait([&](auto done) { stores_->history().apply(std::move(change), std::move(done)); });
    };
    const auto refusal = [](std::string reference, std::uint32_t times) {
        const TimePoint first(Millis(1'700'000'000'123));
        return im::Refusal{std::move(reference),
                           "partner.example",
                           "example.com",
                           "XMPP",
                           "192.0.2.1",
                           "policy-violation",
                           "no rule \xe6\x97\xa5",
                           "allow it",
                           first,
                           first + Seconds(times),
                           times};
    };
    EXPECT_TRUE(load_refusals().empty());
    ASSERT_TRUE(apply_refusals({{refusal("aaaaaaaa", 1), refusal("bbbbbbbb", 2)}, {}}));
    reopen();
    EXPECT_EQ(load_refusals(), (std::vector{refusal("bbbbbbbb", 2), refusal("aaaaaaaa", 1)})) << "newest first";
    ASSERT_TRUE(apply_refusals({{refusal("aaaaaaaa", 7)}, {"bbbbbbbb"}}));
    EXPECT_EQ(load_refusals(), std::vector{refusal("aaaaaaaa", 7)});
}

}  // namespace parley::test
