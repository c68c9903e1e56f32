#include "server/sent_memory.hpp"

#include <array>
#include <charconv>

#include "server/session.hpp"
#include "server/user.hpp"
#include "xmpp/ns.hpp"

namespace parley::server {

std::string origin_name(const xmpp::Jid& sender, std::uint64_t key, std::uint32_t count) {
    std::array<char, 32> digits{};
    auto* end = std::to_chars(digits.data(), digits.data() + 16, key, 16).ptr;
    *end++ = ' ';
    end = std::to_chars(end, digits.data() + digits.size(), count).ptr;
    auto name = sender.to_string();
    name += ' ';
    name.append(digits.data(), end);
    return name;
}

SentMemory::Name SentMemory::name(Session& session, const xmpp::Stanza& message, std::uint32_t number, SteadyTime now) {
    const auto& account = session.user().jid();
    // Who gives no origin-id and has no stream management is not believed: then nothing is hashed.
    const bool may_repeat = session.managed() || message.child(xmpp::ns::stanza_id, "origin-id");
    const auto key = may_repeat ? im::resend_key(message, account) : std::optional<im::ResendKey>{};
    if (!key || !(session.managed() || key->unique_id)) {
        if (!session.resumable()) return {};
        return {session.jid().to_string() + ' ' + session.resume_id() + ' ' + std::to_string(number), false};
    }
    Name name;
    std::uint32_t others = 0;
    for (const auto& other : session.user().sessions()) {
        if (other.get() == &session) continue;
        const auto times = other->said.count(key->value);
        if (other->stream())
            others += times;
        else
            name.again = name.again || times > 0;  // it hibernates: a client that could have resumed it did not
    }
    if (key->unique_id)
        others = 0;
    else
        others += concluded_.count(key->value);
    if (broken_.count(key->value) > 0) {
        broken_.take(key->value);
        name.again = true;
    }
    name.origin = origin_name(account, key->value, others + session.said.add(key->value, now));
    return name;
}

void SentMemory::session_over(Session& session) {
    (session.concluded() ? concluded_ : broken_).add_all(session.said);
}

}  // namespace parley::server
