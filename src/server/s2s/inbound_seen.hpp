#pragma once

#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "server/queue.hpp"

namespace parley::server {

// What was last seen of the servers of foreign domains that connected to us: the way from a partner to us, as far as it
// can be known. From any thread; touched when a stream is proven or refused, never by a stanza.
//
// A domain is what a stranger says that it is until it has proven it, so strangers can neither push out what is known
// of domains with a rule nor make this grow: of the others the newest `most_others` are kept.
class InboundSeen {
public:
    static constexpr std::size_t most_others = 500;
    static constexpr std::size_t most_questions = 8;  // of one domain
    static constexpr std::size_t longest_id = 128;    // of a stream, as it is kept

    struct Proven {
        TimePoint at{};
        std::string address;  // "192.0.2.1:40312"
        std::string proof;    // "SASL EXTERNAL", "dialback"
        std::string tls;      // "TLSv1.3 TLS_AES_256_GCM_SHA384"; empty: plain
    };
    struct Refused {
        TimePoint at{};
        std::string address, condition, why;
    };
    // It has asked whether a dialback key is ours: for the stream of this id, which it had accepted from us.
    struct Question {
        TimePoint at{};
        std::string address, stream_id;
        bool confirmed = false;  // the key was ours
    };
    struct Seen {
        std::optional<Proven> proven;
        std::optional<Refused> refused;
        Queue<Question> questions;  // newest last
    };

    // `has_rule`: an administrator has named this domain.
    void proven(const std::string& domain, bool has_rule, Proven what);
    void refused(const std::string& domain, bool has_rule, Refused what);
    void asked(const std::string& domain, bool has_rule, Question what);
    Seen of(const std::string& domain) const;

private:
    struct Entry {
        Seen seen;
        std::optional<std::list<std::string>::iterator> age;  // of one without a rule
    };
    Seen& entry(const std::string& domain, bool has_rule);

    mutable std::mutex mutex_;
    std::map<std::string, Entry, std::less<>> entries_;
    std::list<std::string> others_;  // domains without a rule, the newest last
};

}  // namespace parley::server
