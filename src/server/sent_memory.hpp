#pragma once

#include <cstdint>
#include <string>

#include "im/resend.hpp"

namespace parley::server {

class Session;

// Names the messages of this shard's users so that a repetition has the name of the first: a client whose stream ended
// without resumption, or whose server has crashed meanwhile, sends again what was not acknowledged (XEP-0198 5). The
// stores know a name again, before and after a restart, and deliver the message once.
//
// The name is the sender's account, the key of the message, and how many like it there were before: what a client says
// twice on one stream is two messages, and so is what two clients of one account say. Only a stream that broke gives
// its numbers back. Without <origin-id/> that is believed of clients with stream management alone, because others have
// no cause to repeat anything and some use an id twice.
class SentMemory {
public:
    static constexpr std::size_t most_a_session = 512;
    static constexpr std::size_t most_of_ended = 65'536;

    struct Name {
        std::string origin;  // empty: such a message cannot be told from another
        bool again = false;  // a stream that is over has sent it
    };
    // `number`: of the stanza on its stream, for a message without an id.
    Name name(Session& session, const xmpp::Stanza& message, std::uint32_t number, SteadyTime now);
    void session_over(Session& session);

private:
    im::SentBook concluded_{most_of_ended};  // by streams that ended with nothing open
    im::SentBook broken_{most_of_ended};     // by streams that may have missed our acknowledgement
};

// "sender key count": the sender in plain, so that no one else's message can have the name.
std::string origin_name(const xmpp::Jid& sender, std::uint64_t key, std::uint32_t count);

}  // namespace parley::server
