// The counters of stream management and the memory of what was sent, beside models that are slow and plain. The
// counters start anywhere, so that they wrap.
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <map>
#include <optional>
#include <set>

#include "im/resend.hpp"
#include "server/stream_management.hpp"

namespace {

using namespace parley;

class Input {
public:
    Input(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}
    bool more() const { return left_ > 0; }
    std::uint8_t byte() {
        if (left_ == 0) return 0;
        --left_;
        return *data_++;
    }
    std::uint32_t number() {
        std::uint32_t value = 0;
        for (int i = 0; i < 4; ++i) value = value << 8 | byte();
        return value;
    }

private:
    const std::uint8_t* data_;
    std::size_t left_;
};

void must(bool holds) {
    if (!holds) std::abort();
}

// What the client has sent: its numbers, counted on without a wrap.
void inbound(Input& in, std::uint32_t before) {
    server::InboundAcks acks(before);
    std::uint64_t received = before;
    std::uint64_t settled = before;  // all up to here
    std::set<std::uint64_t> open;
    std::optional<std::uint64_t> asked;
    for (int i = 0; i < 400 && in.more(); ++i) {
        const auto what = in.byte();
        if (what % 4 == 0) {
            must(acks.begin() == static_cast<std::uint32_t>(++received));
            open.insert(received);
        } else if (what % 4 == 1) {
            // One that waits, or any number at all: what was settled before, or never came, changes nothing.
            const auto number = what & 4 ? std::uint64_t{before} + in.byte() : received - in.byte() % 8;
            acks.settle(static_cast<std::uint32_t>(number));
            open.erase(number);
        } else if (what % 4 == 2) {
            acks.request();
            asked = received;
        } else {
            const auto due = acks.due();
            must(due.has_value() == (asked && settled >= *asked));
            if (due) {
                must(*due == static_cast<std::uint32_t>(settled) && acks.told() == *due);
                asked.reset();
            }
        }
        settled = open.empty() ? received : *open.begin() - 1;
        must(acks.settled() == static_cast<std::uint32_t>(settled));
        must(acks.settled_all() == open.empty() && acks.received() == static_cast<std::uint32_t>(received));
    }
}

void outbound(Input& in, std::uint32_t before) {
    server::UnackedQueue queue(before);
    std::deque<std::pair<std::int64_t, std::size_t>> sent;  // spool id, bytes
    std::uint32_t acknowledged = before;
    std::size_t bytes = 0;
    for (int i = 0; i < 400 && in.more(); ++i) {
        const auto what = in.byte();
        if (what % 3 != 0) {
            const std::size_t size = what * 7u;
            queue.push({{}, i}, size);
            sent.emplace_back(i, size);
            bytes += size;
        } else {
            const auto h = what & 8 ? in.number() : acknowledged + in.byte() % 16;
            const auto covered = queue.acknowledge(h);
            must(covered.has_value() == (h - acknowledged <= sent.size()));
            if (covered) {
                must(covered->size() == h - acknowledged);
                for (const auto& one : *covered) {
                    must(one.spool_id == sent.front().first);
                    bytes -= sent.front().second;
                    sent.pop_front();
                }
                acknowledged = h;
            }
        }
        must(queue.size() == sent.size() && queue.bytes() == bytes && queue.acknowledged() == acknowledged);
    }
    const auto rest = queue.take_all();
    must(rest.size() == sent.size() && queue.size() == 0 && queue.bytes() == 0);
}

// The book forgets: but never what is among the newest half, and it never counts too much.
void book(Input& in) {
    constexpr std::size_t most = 32;
    im::SentBook counted(most);
    std::map<std::uint64_t, std::uint32_t> times;
    std::deque<std::uint64_t> newest;
    SteadyTime now{Seconds{10'000}};
    for (int i = 0; i < 400 && in.more(); ++i) {
        const auto what = in.byte();
        const std::uint64_t key = 1u + in.byte() + (what & 0x80 ? 0x1'0000'0000u : 0u);
        if (what % 8 == 7) {
            counted.take(key);
            if (auto& count = times[key]; count > 0) --count;
        } else if (what % 8 == 6) {
            now += Seconds{what};
            newest.clear();  // some may be too old
        } else {
            const auto count = counted.add(key, now);
            must(count >= 1 && count <= ++times[key]);
            times[key] = count;
            std::erase(newest, key);
            newest.push_back(key);
            if (newest.size() > most / 2) newest.pop_front();
        }
        must(counted.count(key) <= times[key]);
        must(counted.size() <= 2 * most);
        for (const auto recent : newest) must(counted.count(recent) == times[recent]);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input in(data, size);
    const auto kind = in.byte();
    const auto before = kind & 4 ? in.number() : 0xFFFF'FFFFu - in.byte();
    switch (kind % 3) {
        case 0: inbound(in, before); break;
        case 1: outbound(in, before); break;
        default: book(in);
    }
    return 0;
}
