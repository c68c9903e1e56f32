#pragma once

#include "apps/parleyd/look/parts.hpp"
#include "gateway/federation/targets.hpp"
#include "server/s2s/targets.hpp"

namespace parley::look {

// One attempt at one address of a partner, as the services themselves would make it. One thread.
class Probe {
public:
    // Of an XMPP stream that became ready: how we were proven, for a look at the way back.
    struct Proven {
        server::Target target;
        std::string stream_id;
        bool by_dialback = false, dialback_offered = false;
    };
    struct Result {
        admin::Report report;
        bool reached = false;  // the services would try no other address after this one
        bool passed = false;   // a message would get through
        bool connected = false;
        Millis took{0};  // all in all, when it is done
        std::optional<Proven> proven{};
    };
    struct Question {
        std::string from, domain;  // local, foreign
        im::DomainRule rule;       // as it is in force
    };
    virtual ~Probe() = default;  // ends it
    const Result& result() const { return result_; }
    const std::string& subject() const { return subject_; }
    bool done() const { return done_; }

protected:
    Probe(const Parts& parts, Question question, std::string subject, Function<void()> finished)
        : parts_(parts),
          question_(std::move(question)),
          subject_(std::move(subject)),
          finished_(std::move(finished)),
          begun_(parts.executor.clock().now()),
          since_(begun_) {}

    void connect(const net::Endpoint& endpoint);  // then connected(), or the reason is said and it is finished
    virtual void connected(std::unique_ptr<net::Connection> connection) = 0;
    void say(std::string step, Verdict verdict, admin::Message what, std::optional<admin::Message> fix = {});
    void finish();  // `finished` runs from a fresh stack
    void within(Millis time, std::string step, admin::Message what, std::optional<admin::Message> fix);

    const Parts parts_;
    const Question question_;
    const std::string subject_;
    Result result_;
    Timer deadline_;

private:
    void say_unreachable(const Error& error);

    Function<void()> finished_;
    const SteadyTime begun_;
    SteadyTime since_;
    bool done_ = false;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);  // tells a late answer of the network that we are gone
};

std::unique_ptr<Probe> probe_sip(const Parts& parts, Probe::Question question, const gateway::SipTarget& target,
                                 Function<void()> finished);
std::unique_ptr<Probe> probe_xmpp(const Parts& parts, Probe::Question question, const server::Target& target,
                                  Function<void()> finished);

}  // namespace parley::look
