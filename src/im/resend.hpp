#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "xmpp/stanza.hpp"

namespace parley::im {

// By what a message is known again when its sender repeats it on another stream, because the first one broke before it
// was acknowledged (XEP-0198 5: "resend"): its sender, addressee, id and content. Another text under the same id is
// another message.
struct ResendKey {
    std::uint64_t value = 0;
    bool unique_id = false;  // the sender gave an <origin-id/> (XEP-0359), which no two messages share
};
// `sender`: who counts as the same sender, with or without a resource. What says when it was sent (XEP-0203) is not
// content. Nothing: the message has no id, and a repetition of its text may be meant.
std::optional<ResendKey> resend_key(const xmpp::Stanza& message, const xmpp::Jid& sender);

// How often each message was sent lately, by key. Holds no memory while it is empty; at most `most` entries, of which
// the older half goes when there are more, and nothing for longer than `kept`, which is as long as the stores remember.
class SentBook {
public:
    static constexpr Seconds kept{600};

    explicit SentBook(std::size_t most) : most_(most) {}
    std::uint32_t count(std::uint64_t key) const;
    std::uint32_t add(std::uint64_t key, SteadyTime now, std::uint32_t times = 1);  // gives the new count
    void take(std::uint64_t key);                                                   // one less
    void add_all(const SentBook& other);
    bool empty() const { return used_ == 0; }
    std::size_t size() const { return used_; }

private:
    struct Entry {
        std::uint64_t key = 0;  // 0: free
        std::uint64_t at = 0;   // of the last time: seconds of the steady clock, and the order within one
        std::uint32_t times = 0;
    };
    std::size_t place_of(std::uint64_t key) const;  // its entry, or the free one where it belongs
    void make_room(std::uint64_t now);

    std::vector<Entry> entries_;  // open addressing; the size is a power of two
    std::size_t used_ = 0;
    std::uint32_t order_ = 0;
    std::size_t most_;
};

}  // namespace parley::im
