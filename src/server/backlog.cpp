// Messages that wait on disk for a session: it has just become available, or it was too slow to take them.
#include "server/c2s_stream.hpp"
#include "server/session.hpp"
#include "server/shard.hpp"
#include "server/user.hpp"
#include "xml/parser.hpp"
#include "xmpp/payload/delay.hpp"

namespace parley::server {
namespace {

constexpr std::size_t rows_at_once = 100;
constexpr Millis read_again{5'000};  // after a read that failed

}  // namespace

bool Session::congested() const {
    const auto& limits = shard_.settings().limits;
    return (stream_ && stream_->congested()) || outbound_.size() >= limits.unacked_stanzas ||
           outbound_.bytes() >= limits.unacked_bytes || unproven_.size() >= limits.unacked_stanzas;
}

void Session::await_stored() {
    backlog_.waiting = backlog_.more_came = true;
    backlog_.after = 0;
    catch_up();
}

void Session::leave_on_disk(std::int64_t spool_id) {
    if (!backlog_.waiting) {
        shard_.counters.limit_hits.fetch_add(1, std::memory_order_relaxed);
        backlog_.after = spool_id - 1;
    }
    backlog_.waiting = backlog_.more_came = true;
    backlog_.after = std::min(backlog_.after, spool_id - 1);
}

void Session::catch_up() {
    if (!backlog_.waiting || backlog_.loading || congested()) return;
    // Not for each acknowledgement that makes room for one.
    const auto& limits = shard_.settings().limits;
    if (outbound_.size() > limits.unacked_stanzas / 2 || outbound_.bytes() > limits.unacked_bytes / 2) return;
    backlog_.loading = true;
    backlog_.more_came = false;
    backlog_timer_.cancel();
    shard_.stores().spool().load(user_.jid(), backlog_.after, rows_at_once,
                                 [weak = weak_from_this()](Result<std::vector<storage::SpooledMessage>> rows) {
                                     if (const auto self = weak.lock()) self->take_from_disk(std::move(rows));
                                 });
}

void Session::take_from_disk(Result<std::vector<storage::SpooledMessage>> rows) {
    backlog_.loading = false;
    if (!available() || priority < 0) {  // what is there waits for the next time
        backlog_.waiting = false;
        return;
    }
    if (!rows) {
        backlog_timer_ = shard_.executor().after(read_again, [this] { catch_up(); });
        return;
    }
    const auto self = shared_from_this();  // a client that is cut off while it is written to ends its session
    for (const auto& row : *rows) {
        if (congested()) return;  // goes on with the next acknowledgement, or once all is written
        backlog_.after = row.id;
        if (!user_.take_row(row)) continue;
        auto element = xml::parse_document(row.stanza);
        auto stanza = element ? xmpp::Stanza::decode(*std::move(element)) : Result<xmpp::Stanza>(element.error());
        if (!stanza) continue;
        if (user_.blocks(stanza->from)) {  // since it came, or it was to be dropped and we stopped before
            user_.confirmed({row.id});
            continue;
        }
        stanza->add(xmpp::Codec<xmpp::Delay>::encode({row.received, user_.jid().domain_jid(), {}}));
        deliver(im::envelope(*std::move(stanza)), row.id);
    }
    if (rows->size() == rows_at_once || backlog_.more_came) return catch_up();
    backlog_.waiting = false;
}

}  // namespace parley::server
