#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/executor.hpp"
#include "base/shared_rate.hpp"
#include "im/federation_policy.hpp"
#include "im/partner_overview.hpp"
#include "im/resend.hpp"
#include "server/stream_management.hpp"
#include "server/xml_stream.hpp"

namespace parley::server {

class Shard;
class XmppFederation;

// A stream that a foreign server opened to us (RFC 6120 as receiving entity). It may carry several pairs of domains:
// one by SASL EXTERNAL, any by dialback (XEP-0220 2.4). A stanza counts only for a pair that was proven on this stream.
class InStream final : public XmlStream, public std::enable_shared_from_this<InStream> {
public:
    InStream(XmppFederation& federation, Shard& shard, std::unique_ptr<net::Connection> connection);
    void start(bool direct_tls);
    void sweep();
    void describe(const std::string& domain, im::PartnerOverview& out) const;  // if it speaks for that domain

private:
    // XmlStream
    void on_header(const xml::Element& root) override;
    void on_element(xml::Element element) override;
    void on_stream_end() override;
    void send_header() override;
    bool in_handshake() const override { return starting_tls_; }
    void refusing(std::string_view condition, std::string_view text) override;
    void log_refusal(const std::string& remote, std::string_view condition, std::string_view text);
    void on_secured() override;
    void on_closed(const Error& why) override;

    enum class By { certificate, dialback };
    struct Proof {
        std::shared_ptr<SharedRate> rate;
        By by;
        unsigned judged_by;  // the version of the settings
    };
    bool still_proves(const std::string& remote, Proof& proof) const;

    void answer_header(bool with_features);
    bool has_rule(const std::string& remote) const;
    bool undecided(const std::string& remote) const;
    void decide(const std::string& remote, Function<void()> then);
    bool allowed(const std::string& remote) const;
    std::string refused_release(const std::string& remote) const;
    std::string why_refused(const std::string& remote) const;
    void send_features();
    void on_auth(const xml::Element& element);
    void on_dialback_result(const xml::Element& element);
    void judge_dialback(const xml::Element& element);
    void on_dialback_verify(const xml::Element& element);
    void proven(const std::string& local, const std::string& remote, By by);
    void dialback_error(const std::string& local, const std::string& remote, std::string_view condition,
                        std::string_view text);
    bool certificate_proves(const std::string& domain) const;
    std::string why_no_proof(const std::string& domain) const;
    void note_end();
    void on_stanza(xml::Element element);
    void take(xmpp::Stanza stanza);
    void on_management(const xml::Element& element);
    void acknowledge();
    void keep_pace(SharedRate& rate);
    void settle(std::uint32_t number);
    static std::string take_name(xmpp::Stanza& stanza);

    XmppFederation& federation_;
    Shard* shard_;
    std::string id_;
    std::string local_, remote_;  // of the header; may be empty until dialback names them
    std::map<std::pair<std::string, std::string>, Proof> proven_;  // (local, remote)
    InboundAcks inbound_;
    std::optional<std::uint32_t> managed_from_;  // the count at which XEP-0198 was enabled
    struct Held {
        std::uint32_t after;  // the count of stanzas that must be settled first
        Function<void()> answer;
    };
    std::deque<Held> held_;
    Timer deadline_;
    Timer pause_;        // over its rate: not read until it is due
    TimePoint since_{};  // when it proved a domain
    int questions_ = 0;
    bool starting_tls_ = false;
    bool secured_ = false;
    bool asked_ = false;  // it came to ask about a key of ours, and needs no proof for that
};

}  // namespace parley::server
