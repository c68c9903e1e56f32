#pragma once

#include <string>
#include <string_view>

#include "base/log_limit.hpp"
#include "net/connection.hpp"

namespace parley::server {

// One line for each stream, link and sign-in that is refused: who, from where, why, and what an administrator can do.
// Of one address and one reason a line a minute, so that a flood of refusals is no flood of lines. One a shard, on its
// thread. Neither passwords nor what a stanza says come here.
class RefusalLog {
public:
    explicit RefusalLog(const Clock& clock) : clock_(clock) {}

    // `who` as in "a client", "the server of partner.example". `condition` is the protocol's word, `why` a sentence for
    // people and `remedy` another; both may be empty.
    void refused(std::string_view who, const net::Endpoint& from, std::string_view condition, std::string_view why,
                 std::string_view remedy = {});
    // A partner that could not be reached, or that we would not talk to.
    void unreachable(const std::string& local, const std::string& remote, std::string_view why);

private:
    const Clock& clock_;
    LogLimit limit_;
};

}  // namespace parley::server
