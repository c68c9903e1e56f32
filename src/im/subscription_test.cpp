#include "im/subscription.hpp"

#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

namespace parley::im {
namespace {

using Deliver = SubscriptionOutcome::Deliver;
using Type = SubscriptionType;

// The nine states of RFC 6121 A.1.
enum class State { none, none_out, none_in, none_out_in, to, to_in, from, from_out, both };
constexpr std::string_view names[] = {"None",
                                      "None + Pending Out",
                                      "None + Pending In",
                                      "None + Pending Out+In",
                                      "To",
                                      "To + Pending In",
                                      "From",
                                      "From + Pending Out",
                                      "Both"};
constexpr State all[] = {State::none,  State::none_out, State::none_in,  State::none_out_in, State::to,
                         State::to_in, State::from,     State::from_out, State::both};

const xmpp::Jid contact = *xmpp::Jid::parse("romeo@example.net");

RosterItem item_in(State state) {
    RosterItem item;
    item.contact = contact;
    item.listed = true;
    switch (state) {
        case State::none:
        case State::none_out:
        case State::none_in:
        case State::none_out_in: break;
        case State::to:
        case State::to_in: item.subscription = Subscription::to; break;
        case State::from:
        case State::from_out: item.subscription = Subscription::from; break;
        case State::both: item.subscription = Subscription::both; break;
    }
    item.pending_out = state == State::none_out || state == State::none_out_in || state == State::from_out;
    item.pending_in = state == State::none_in || state == State::none_out_in || state == State::to_in;
    if (item.pending_in) item.request = "<presence/>";
    return item;
}

State state_of(const RosterItem& item) {
    for (const auto state : all) {
        const auto like = item_in(state);
        if (std::tuple(like.subscription, like.pending_in, like.pending_out) ==
            std::tuple(item.subscription, item.pending_in, item.pending_out))
            return state;
    }
    ADD_FAILURE() << "a state that RFC 6121 does not know";
    return State::none;
}

struct Cell {
    State before;
    bool passes;  // ROUTE? or DELIVER?
    State after;
};
struct Table {
    std::string_view section;
    Type type;
    bool inbound;
    std::vector<Cell> cells;
};

using S = State;
// clang-format off: one line a cell
const std::vector<Table> tables = {
    {"A.2.1",
     Type::subscribe,
     false,
     {
         {S::none, true, S::none_out},
         {S::none_out, true, S::none_out},
         {S::none_in, true, S::none_out_in},
         {S::none_out_in, true, S::none_out_in},
         {S::to, true, S::to},
         {S::to_in, true, S::to_in},
         {S::from, true, S::from_out},
         {S::from_out, true, S::from_out},
         {S::both, true, S::both},
     }},
    {"A.2.2",
     Type::unsubscribe,
     false,
     {
         {S::none, true, S::none},
         {S::none_out, true, S::none},
         {S::none_in, true, S::none_in},
         {S::none_out_in, true, S::none_in},
         {S::to, true, S::none},
         {S::to_in, true, S::none_in},
         {S::from, true, S::from},
         {S::from_out, true, S::from},
         {S::both, true, S::from},
     }},
    {"A.2.3",
     Type::subscribed,
     false,
     {
         {S::none, false, S::none},          // pre-approval
         {S::none_out, false, S::none_out},  // pre-approval
         {S::none_in, true, S::from},
         {S::none_out_in, true, S::from_out},
         {S::to, false, S::to},  // pre-approval
         {S::to_in, true, S::both},
         {S::from, false, S::from},
         {S::from_out, false, S::from_out},
         {S::both, false, S::both},
     }},
    {"A.2.4",
     Type::unsubscribed,
     false,
     {
         {S::none, false, S::none},
         {S::none_out, false, S::none_out},
         {S::none_in, true, S::none},
         {S::none_out_in, true, S::none_out},
         {S::to, false, S::to},
         {S::to_in, true, S::to},
         {S::from, true, S::none},
         {S::from_out, true, S::none_out},
         {S::both, true, S::to},
     }},
    {"A.3.1",
     Type::subscribe,
     true,
     {
         {S::none, true, S::none_in},
         {S::none_out, true, S::none_out_in},
         {S::none_in, false, S::none_in},
         {S::none_out_in, false, S::none_out_in},
         {S::to, true, S::to_in},
         {S::to_in, false, S::to_in},
         {S::from, false, S::from},
         {S::from_out, false, S::from_out},
         {S::both, false, S::both},
     }},
    {"A.3.2",
     Type::unsubscribe,
     true,
     {
         {S::none, false, S::none},
         {S::none_out, false, S::none_out},
         {S::none_in, true, S::none},
         {S::none_out_in, true, S::none_out},
         {S::to, false, S::to},
         {S::to_in, true, S::to},
         {S::from, true, S::none},
         {S::from_out, true, S::none_out},
         {S::both, true, S::to},
     }},
    {"A.3.3",
     Type::subscribed,
     true,
     {
         {S::none, false, S::none},
         {S::none_out, true, S::to},
         {S::none_in, false, S::none_in},
         {S::none_out_in, true, S::to_in},
         {S::to, false, S::to},
         {S::to_in, false, S::to_in},
         {S::from, false, S::from},
         {S::from_out, true, S::both},
         {S::both, false, S::both},
     }},
    {"A.3.4",
     Type::unsubscribed,
     true,
     {
         {S::none, false, S::none},
         {S::none_out, true, S::none},
         {S::none_in, false, S::none_in},
         {S::none_out_in, true, S::none_in},
         {S::to, true, S::none},
         {S::to_in, true, S::none_in},
         {S::from, false, S::from},
         {S::from_out, true, S::from},
         {S::both, true, S::from},
     }},
};
// clang-format on

TEST(Subscription, FollowsEveryCellOfAppendixA) {
    ASSERT_EQ(tables.size(), 8U);
    for (const auto& table : tables) {
        ASSERT_EQ(table.cells.size(), 9U);
        for (const auto& cell : table.cells) {
            SCOPED_TRACE(std::string(table.section) + " " + std::string(names[static_cast<int>(cell.before)]));
            const auto before = item_in(cell.before);
            const auto outcome = table.inbound ? inbound(&before, contact, table.type, "<presence/>")
                                               : outbound(&before, contact, table.type);
            EXPECT_EQ(table.inbound ? outcome.deliver != Deliver::no : outcome.route, cell.passes);
            EXPECT_EQ(table.inbound ? outcome.route : outcome.deliver != Deliver::no, false);
            const auto after = outcome.item.value_or(before);
            EXPECT_EQ(names[static_cast<int>(state_of(after))], names[static_cast<int>(cell.after)]);
            EXPECT_EQ(after.request.empty(), !after.pending_in);
            if (table.inbound && table.type == Type::subscribe && cell.passes) {
                EXPECT_EQ(outcome.deliver, Deliver::available);
            }
            // 3.1.3: who is let in already gets the answer from the server.
            const bool answered = table.inbound && table.type == Type::subscribe && before.has_from();
            EXPECT_EQ(outcome.reply.has_value(), answered);
            // Presence follows the permission: 3.1.5, 3.2.2, 3.3.3.
            EXPECT_EQ(outcome.send_presence, answered || (!before.has_from() && after.has_from()));
            EXPECT_EQ(outcome.send_unavailable, before.has_from() && !after.has_from());
            // 2.1.6: a push exactly when the roster looks different.
            EXPECT_EQ(outcome.push, std::tuple(before.subscription, before.pending_out, before.pre_approved) !=
                                        std::tuple(after.subscription, after.pending_out, after.pre_approved));
        }
    }
}

TEST(Subscription, ToAContactWhoIsNotInTheRoster) {
    auto asked = outbound(nullptr, contact, Type::subscribe);  // 3.1.2
    ASSERT_TRUE(asked.item);
    EXPECT_TRUE(asked.item->listed && asked.item->pending_out && asked.push && asked.route);
    EXPECT_EQ(asked.item->contact, contact);

    auto request =
        inbound(nullptr, contact, Type::subscribe, "<presence type='subscribe'/>");  // 3.1.3, A.1: no roster item
    ASSERT_TRUE(request.item);
    EXPECT_FALSE(request.item->listed);
    EXPECT_FALSE(request.push);
    EXPECT_EQ(request.item->request, "<presence type='subscribe'/>");

    auto approved = outbound(&*request.item, contact, Type::subscribed);  // 3.1.5
    EXPECT_TRUE(approved.item->listed && approved.push && approved.send_presence);
    EXPECT_EQ(approved.item->subscription, Subscription::from);

    auto denied = outbound(&*request.item, contact, Type::unsubscribed);  // 3.2.1
    EXPECT_TRUE(denied.route);
    EXPECT_FALSE(denied.push);
    EXPECT_TRUE(denied.item->empty());

    auto withdrawn = inbound(&*request.item, contact, Type::unsubscribe, {});  // 3.3.3
    EXPECT_EQ(withdrawn.deliver, Deliver::interested);
    EXPECT_TRUE(withdrawn.item->empty());
    EXPECT_FALSE(withdrawn.push);

    for (const auto type : {Type::subscribed, Type::unsubscribe, Type::unsubscribed}) {  // A.3: from a stranger
        SCOPED_TRACE(to_string(type));
        EXPECT_EQ(inbound(nullptr, contact, type, {}), SubscriptionOutcome{});
    }
}

TEST(Subscription, PreApproval) {  // 3.4
    for (const auto state : all) {
        SCOPED_TRACE(names[static_cast<int>(state)]);
        const auto before = item_in(state);
        const auto outcome = outbound(&before, contact, Type::subscribed);
        const bool noted = state == State::none || state == State::none_out || state == State::to;  // 3.4.2, case 3
        EXPECT_EQ(outcome.item.value_or(before).pre_approved, noted);
        if (!noted) continue;
        EXPECT_TRUE(outcome.push);
        EXPECT_FALSE(outcome.route || outcome.send_presence);

        const auto asked = inbound(&*outcome.item, contact, Type::subscribe, "<presence/>");
        EXPECT_EQ(asked.reply, Type::subscribed);
        EXPECT_EQ(asked.deliver, Deliver::no);
        EXPECT_TRUE(asked.push && asked.send_presence);
        EXPECT_TRUE(asked.item->has_from());
        EXPECT_EQ(asked.item->has_to(), before.has_to());
        EXPECT_EQ(asked.item->pending_out, before.pending_out);

        const auto cancelled = outbound(&*outcome.item, contact, Type::unsubscribed);
        EXPECT_FALSE(cancelled.item->pre_approved);
        EXPECT_TRUE(cancelled.push);
        EXPECT_FALSE(cancelled.route);
    }
    const auto stranger = outbound(nullptr, contact, Type::subscribed);
    EXPECT_TRUE(stranger.item->listed && stranger.item->pre_approved && stranger.push);
    EXPECT_FALSE(stranger.route);
}

TEST(Subscription, RemovalWithdrawsBothDirections) {  // 2.5.2
    struct Case {
        State state;
        bool unsubscribe, unsubscribed, unavailable;
    };
    for (const auto& c :
         {Case{S::none, false, false, false}, Case{S::none_out, true, false, false},
          Case{S::none_in, false, true, false}, Case{S::none_out_in, true, true, false},
          Case{S::to, true, false, false}, Case{S::to_in, true, true, false}, Case{S::from, false, true, true},
          Case{S::from_out, true, true, true}, Case{S::both, true, true, true}}) {
        SCOPED_TRACE(names[static_cast<int>(c.state)]);
        const auto before = item_in(c.state);
        const auto removed = removal(&before);
        ASSERT_TRUE(removed);
        EXPECT_EQ(std::tuple(removed->unsubscribe, removed->unsubscribed, removed->send_unavailable),
                  std::tuple(c.unsubscribe, c.unsubscribed, c.unavailable));
    }
    EXPECT_FALSE(removal(nullptr));
    const auto request = inbound(nullptr, contact, Type::subscribe, "<presence/>");
    EXPECT_FALSE(removal(&*request.item));  // 2.5.3: what the roster does not show cannot be removed from it
}

TEST(Subscription, TypesAreTheWordsOfTheWire) {
    EXPECT_EQ(subscription_type("subscribe"), Type::subscribe);
    EXPECT_EQ(subscription_type("unsubscribed"), Type::unsubscribed);
    EXPECT_FALSE(subscription_type("probe"));
    EXPECT_FALSE(subscription_type(""));
}

}  // namespace
}  // namespace parley::im
