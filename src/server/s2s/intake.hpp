#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/executor.hpp"
#include "base/shared_rate.hpp"
#include "net/connection.hpp"
#include "server/queue.hpp"
#include "server/stream_management.hpp"
#include "xml/element.hpp"
#include "xmpp/stanza.hpp"

namespace parley::server {

class Shard;
class XmppFederation;

// What a foreign server sends on one stream, whoever opened it: the pairs of domains that it may speak for, the pace,
// the hand-over of each stanza, and what is confirmed of them (XEP-0198, or the answer to a ping). It may outlive its
// stream until another one resumes it. Lives on one shard.
class Intake final : public std::enable_shared_from_this<Intake> {
public:
    enum class By { certificate, dialback };
    struct Proof {
        std::shared_ptr<SharedRate> rate;
        By by;
        unsigned judged_by;  // the version of the settings
    };
    // The stream, as far as it is needed here.
    class Stream {
    public:
        virtual void say(std::string_view text) = 0;
        // Ends it, because of a stanza between these domains; empty: those of its header.
        virtual void refuse(std::string_view condition, std::string_view text, const std::string& local,
                            const std::string& remote) = 0;
        virtual void hold(bool on) = 0;  // nothing more is read for now
        virtual bool over() const = 0;
        virtual const net::Endpoint& peer() const = 0;
        // A rule may change while a stream is open: what it was proven by, or its TLS, may be none of the new one's.
        virtual bool still_proves(const std::string& remote, Proof& proof) const = 0;

    protected:
        ~Stream() = default;
    };

    // `id` is no other intake's. `stream` is not owned, and must detach() before it goes.
    Intake(XmppFederation& federation, Shard& shard, std::string id, Stream& stream);
    void attach(Stream& stream) { stream_ = &stream; }
    void detach();

    // A stanza counts only for a pair (local, remote) of these.
    std::map<std::pair<std::string, std::string>, Proof> pairs;
    void add_pair(const std::string& local, const std::string& remote, By by);

    void on_stanza(xml::Element element);
    std::uint32_t received() const { return inbound_.received(); }

    // XEP-0198: stanzas are counted from here on.
    void manage() {
        managed_ = true;
        before_ = inbound_.received();
    }
    bool managed() const { return managed_; }
    void on_request();  // <r/>
    std::uint32_t handled() const { return inbound_.settled() - before_; }
    // Runs `then` once all that has come is settled, perhaps at once.
    void when_settled(Function<void()> then);

private:
    void take(xmpp::Stanza stanza);
    void keep_pace(SharedRate& rate);
    void settle(std::uint32_t number);
    void acknowledge();

    XmppFederation& federation_;
    Shard& shard_;
    const std::string id_;
    Stream* stream_;
    InboundAcks inbound_;
    bool managed_ = false;
    std::uint32_t before_ = 0;  // stanzas that came before they were counted
    struct Held {
        std::uint32_t after;  // the count of stanzas that must be settled first
        Function<void()> answer;
    };
    Queue<Held> held_;
    Timer pause_;  // over its rate: not read until it is due
};

}  // namespace parley::server
