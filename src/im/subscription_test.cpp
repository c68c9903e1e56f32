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

// Requirement D5: whoever is refused believes to be let in, and is shown nobody.
TEST(Subscription, APoliteNoIsAYesThatShowsNobody) {
    for (const auto manner : {Manner::polite, Manner::silent}) {
        const auto asked = *inbound(nullptr, contact, Type::subscribe, "<presence/>").item;
        const auto denied = outbound(&asked, contact, Type::unsubscribed, manner);
        EXPECT_FALSE(denied.route || denied.push || denied.send_presence || denied.send_unavailable);
        EXPECT_EQ(denied.reply, Type::subscribed);
        ASSERT_TRUE(denied.item);
        EXPECT_TRUE(denied.item->refused && denied.item->lets_in() && denied.item->only_refused());
        EXPECT_FALSE(denied.item->pending_in || denied.item->has_from() || denied.item->shown());

        const auto again = inbound(&*denied.item, contact, Type::subscribe, "<presence id='2'/>");
        EXPECT_EQ(again.reply, Type::subscribed);
        EXPECT_EQ(again.deliver, Deliver::no);
        EXPECT_FALSE(again.send_presence || again.push);

        const auto once_more = outbound(&*denied.item, contact, Type::unsubscribed, manner);
        EXPECT_FALSE(once_more.item || once_more.route || once_more.reply);

        const auto thought_better = outbound(&*denied.item, contact, Type::subscribed, manner);
        EXPECT_TRUE(thought_better.push && thought_better.send_presence);
        EXPECT_FALSE(thought_better.route || thought_better.reply);  // it was told yes long ago
        EXPECT_TRUE(thought_better.item->has_from() && !thought_better.item->refused);

        const auto gone = inbound(&*denied.item, contact, Type::unsubscribe, {});
        EXPECT_EQ(gone.deliver, Deliver::no);
        EXPECT_TRUE(gone.item->empty());
    }
}

TEST(Subscription, APermissionThatEndsIsToldUnlessSilent) {
    for (const auto state : {State::from, State::from_out, State::both}) {
        SCOPED_TRACE(names[static_cast<int>(state)]);
        const auto before = item_in(state);
        const auto told = outbound(&before, contact, Type::unsubscribed, Manner::polite);
        EXPECT_EQ(told, outbound(&before, contact, Type::unsubscribed, Manner::open));
        EXPECT_TRUE(told.route);
        const auto silent = outbound(&before, contact, Type::unsubscribed, Manner::silent);
        EXPECT_FALSE(silent.route || silent.reply);
        EXPECT_TRUE(silent.send_unavailable && silent.push && silent.item->refused);
        EXPECT_EQ(silent.item->has_to(), before.has_to());

        EXPECT_FALSE(removal(&before, Manner::polite)->left.refused);
        const auto removed = removal(&before, Manner::silent);
        EXPECT_TRUE(removed->left.only_refused() && removed->send_unavailable);
        EXPECT_FALSE(removed->unsubscribed || removed->subscribed);
    }
    const auto waits = item_in(State::none_in);
    const auto removed = removal(&waits, Manner::polite);
    EXPECT_TRUE(removed->left.only_refused() && removed->subscribed && !removed->unsubscribed);
}

TEST(Subscription, APolicyAnswersANewRequest) {
    using enum Verdict;
    for (const auto state : all) {
        SCOPED_TRACE(names[static_cast<int>(state)]);
        const auto before = item_in(state);
        const auto allowed = inbound(&before, contact, Type::subscribe, "<presence/>", allow);
        EXPECT_EQ(allowed.reply, Type::subscribed);
        EXPECT_EQ(allowed.deliver, Deliver::no);
        EXPECT_TRUE(allowed.send_presence);
        const auto in = allowed.item.value_or(before);
        EXPECT_TRUE(in.has_from() && !in.pending_in && in.request.empty());
        EXPECT_EQ(allowed.push, !before.has_from());

        const auto blocked = inbound(&before, contact, Type::subscribe, "<presence/>", block);
        EXPECT_EQ(blocked.reply, Type::subscribed) << "the same answer";
        EXPECT_EQ(blocked.deliver, Deliver::no);
        EXPECT_EQ(blocked.send_presence, before.has_from());  // which the caller hides
        const auto out = blocked.item.value_or(before);
        EXPECT_EQ(out.refused, !before.has_from());
        EXPECT_EQ(out.has_from(), before.has_from());
        EXPECT_EQ(out.pending_in, before.pending_in);
    }
    const auto allowed = inbound(nullptr, contact, Type::subscribe, "<presence/>", allow);
    EXPECT_TRUE(allowed.item->shown() && allowed.push) << "the user sees who has been let in";
    const auto blocked = inbound(nullptr, contact, Type::subscribe, "<presence/>", block);
    EXPECT_TRUE(blocked.item->only_refused());
    EXPECT_FALSE(blocked.push);
    auto approved = item_in(State::none);
    approved.pre_approved = true;
    EXPECT_TRUE(inbound(&approved, contact, Type::subscribe, "<presence/>", block).item->refused);
}

TEST(Subscription, WhatWaitsIsDecidedWhenThePolicyChanges) {
    using enum Verdict;
    const auto asked = *inbound(nullptr, contact, Type::subscribe, "<presence/>").item;
    EXPECT_EQ(decided_anew(asked, ask), SubscriptionOutcome{});
    const auto allowed = decided_anew(asked, allow);
    EXPECT_TRUE(allowed.item->has_from() && allowed.item->shown() && allowed.send_presence && allowed.push);
    EXPECT_EQ(allowed.reply, Type::subscribed);
    const auto blocked = decided_anew(asked, block);
    EXPECT_TRUE(blocked.item->only_refused());
    EXPECT_EQ(blocked.reply, Type::subscribed);
    EXPECT_FALSE(blocked.push || blocked.send_presence);

    const auto let_in = decided_anew(*blocked.item, allow);
    EXPECT_TRUE(let_in.item->has_from() && let_in.send_presence);
    EXPECT_FALSE(let_in.reply) << "it was told yes long ago";
    const auto asked_again = decided_anew(*blocked.item, ask);
    EXPECT_TRUE(asked_again.item->pending_in && asked_again.item->refused);
    EXPECT_EQ(asked_again.deliver, Deliver::available);
    EXPECT_EQ(asked_again.item->request, "<presence/>");
    EXPECT_FALSE(asked_again.reply);
    const auto denied_again = outbound(&*asked_again.item, contact, Type::unsubscribed, Manner::polite);
    EXPECT_TRUE(denied_again.item->only_refused() && !denied_again.reply && !denied_again.route);
    const auto yes = outbound(&*asked_again.item, contact, Type::subscribed, Manner::polite);
    EXPECT_TRUE(yes.item->has_from() && yes.send_presence && !yes.route);

    for (const auto state : {State::none, State::to, State::from, State::both})
        for (const auto verdict : {allow, block, ask})
            EXPECT_EQ(decided_anew(item_in(state), verdict), SubscriptionOutcome{});
}

TEST(Subscription, TypesAreTheWordsOfTheWire) {
    EXPECT_EQ(subscription_type("subscribe"), Type::subscribe);
    EXPECT_EQ(subscription_type("unsubscribed"), Type::unsubscribed);
    EXPECT_FALSE(subscription_type("probe"));
    EXPECT_FALSE(subscription_type(""));
}

}  // namespace
}  // namespace parley::im
