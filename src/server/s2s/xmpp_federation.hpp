#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/shared_rate.hpp"
#include "im/partner_overview.hpp"
#include "im/router.hpp"
#include "net/connection.hpp"
#include "server/node.hpp"
#include "server/s2s/in_stream.hpp"
#include "server/s2s/inbound_seen.hpp"
#include "server/s2s/link.hpp"
#include "server/s2s/refused_releases.hpp"
#include "server/s2s/resumable_streams.hpp"

namespace parley::server {

// Foreign domains over XMPP, for the whole process: the listeners, the streams that others opened, and one Link a pair
// of domains. A link lives on the shard that its remote domain hashes to; each shard has a face of its own.
class XmppFederation {
public:
    explicit XmppFederation(Node& node);
    ~XmppFederation();

    Result<> listen(const net::Endpoint& endpoint, bool direct_tls);
    void stop_listening() { listeners_.clear(); }
    void shut_down(Shard& shard);  // on that shard's thread: its streams end
    im::RemoteDomains& face(std::size_t shard);

    // Asks the server of `remote` about a dialback key; `answer` comes back on `home`.
    void verify(Shard& home, const std::string& local, const std::string& remote, std::string stream_id,
                std::string key, Function<void(Link::Verdict)> answer);
    // An IQ result or error for one of our domains: perhaps the proof that a link waits for.
    void on_answer(xmpp::Stanza answer);
    RefusedReleases& refused_releases() { return refused_releases_; }
    InboundSeen& inbound_seen() { return inbound_seen_; }
    // XEP-0220 2.2.2: `asking` wants to know whether a key that it was shown is one of `ours`; it does so from there.
    std::string answer_about_key(Shard& shard, const std::string& asking, const std::string& ours,
                                 const xml::Element& question, const net::Endpoint& from);
    void stream_closed(Shard& shard, InStream& stream);
    // Why nothing is taken from this domain, whatever proves it; empty: it is welcome. On that shard's thread.
    std::string why_refused(Shard& shard, const std::string& remote);

    // What there is of one remote domain meets on one shard; the rest is called on that shard's thread.
    Shard& home_of(const std::string& remote) { return *places_[place_of(remote)].shard; }
    Link& link(Shard& shard, const std::string& local, const std::string& remote) {
        return link(place_of(shard), local, remote);
    }
    ResumableStreams& resumable(Shard& shard) { return *place_of(shard).resumable; }
    std::shared_ptr<InStream> release(Shard& shard, InStream& stream);  // before it moves to another shard
    void adopt(Shard& shard, std::shared_ptr<InStream> stream);         // when it has arrived
    // What all streams of this partner share; from any thread.
    std::shared_ptr<SharedRate> rate_of(const std::string& remote) { return rates_.of(remote); }

    struct Overview {
        std::size_t incoming = 0, outgoing = 0;
    };
    Overview overview(std::size_t shard) const;                      // on that shard's thread
    void retry(std::size_t shard, const std::string& domain) const;  // on its thread: nothing waits for it any longer
    // What there is between us and a partner, of one shard; on its thread.
    void describe(std::size_t shard, const std::string& domain, im::PartnerOverview& out) const;

private:
    class Face;
    struct Place {  // what lives on one shard
        Shard* shard;
        std::unique_ptr<Face> face;
        std::map<std::pair<std::string, std::string>, std::unique_ptr<Link>> links;  // (local, remote)
        std::unordered_map<InStream*, std::shared_ptr<InStream>> streams;
        std::unique_ptr<ResumableStreams> resumable;
        Timer sweep_timer;
        bool shut_down = false;
    };

    std::size_t place_of(const std::string& remote) const;
    Place& place_of(const Shard& shard);
    Link& link(Place& place, const std::string& local, const std::string& remote);
    void accepted(std::unique_ptr<net::Connection> connection, bool direct_tls);
    void adopt(Place& place, std::unique_ptr<net::Connection> connection, bool direct_tls);
    void sweep(Place& place);

    Node& node_;
    std::vector<Place> places_;
    std::vector<std::unique_ptr<net::Listener>> listeners_;
    std::size_t next_shard_ = 0;
    std::shared_ptr<ConnectTurns> turns_ = std::make_shared<ConnectTurns>();
    RefusedReleases refused_releases_;
    InboundSeen inbound_seen_;
    SharedRates rates_;
};

}  // namespace parley::server
