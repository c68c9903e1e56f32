#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/executor.hpp"
#include "im/federation_policy.hpp"
#include "im/partner_history.hpp"
#include "im/partner_overview.hpp"
#include "server/s2s/intake.hpp"
#include "server/s2s/proof_search.hpp"
#include "server/xml_stream.hpp"

namespace parley::server {

class Link;
class Shard;
class XmppFederation;

// A stream that a foreign server opened to us (RFC 6120 as receiving entity). It may carry several pairs of domains:
// one by SASL EXTERNAL, any by dialback (XEP-0220 2.4). One that was proven by EXTERNAL lives on the shard of its
// remote domain, may be resumed (XEP-0198 5), and carries what our Link has for that domain if the partner has asked
// for that (XEP-0288).
class InStream final : public XmlStream, public Intake::Stream, public std::enable_shared_from_this<InStream> {
public:
    InStream(XmppFederation& federation, Shard& shard, std::unique_ptr<net::Connection> connection);
    void start(bool direct_tls);
    void sweep();
    void describe(const std::string& domain, im::PartnerOverview& out) const;  // if it speaks for that domain

    // For the Link that writes to it. `link` is told what comes back, and the end.
    void carry_for(Link* link) { link_ = link; }
    bool takes_names() const { return takes_names_; }
    bool managed() const { return intake_ && intake_->managed(); }  // XEP-0198: what we send is counted too
    bool resumable() const { return !resume_id_.empty(); }
    // How much of ours the partner had handled of a stream that this one has resumed.
    std::uint32_t sent_before() const { return sent_before_; }
    void recheck();           // ends if the rules have changed so that it would not be accepted any more
    void give_up();           // the partner does not answer: the connection goes, and may be resumed
    using XmlStream::finish;  // in order
    using XmlStream::send;

private:
    // XmlStream
    void on_header(const xml::Element& root) override;
    void on_element(xml::Element element) override;
    void on_stream_end() override;
    void send_header() override;
    bool in_handshake() const override { return starting_tls_; }
    std::string refusing(std::string_view condition, std::string_view text) override;
    // Gives what the partner shall be told. Of what it cannot be told there is a line in the log and nothing more.
    std::string note_refused(const std::string& local, const std::string& remote, std::string_view condition,
                             std::string_view text, bool can_be_told = true);
    void note(im::PartnerEvent::What what, const std::string& local, const std::string& remote,
              const std::string& detail);
    void on_secured() override;
    void on_drained() override;
    void before_close() override;
    void on_closed(const Error& why) override;

    // Intake::Stream
    void say(std::string_view text) override { send(text); }
    void refuse(std::string_view condition, std::string_view text, const std::string& local,
                const std::string& remote) override;
    void hold(bool on) override { on ? wait() : go_on(); }
    bool over() const override { return closing(); }
    const net::Endpoint& peer() const override { return remote(); }
    bool still_proves(const std::string& remote, Intake::Proof& proof) const override;

    // Negotiation: in_stream.cpp; dialback: in_stream_dialback.cpp.
    void answer_header(bool with_features);
    bool has_rule(const std::string& remote) const;
    bool undecided(const std::string& remote) const;
    void decide(const std::string& remote, Function<void()> then);
    std::string why_not_inside_tls(const std::string& remote) const;
    void send_features();
    void on_auth(const xml::Element& element);
    void on_dialback_result(const xml::Element& element);
    void judge_dialback(const xml::Element& element);
    void on_dialback_verify(const xml::Element& element);
    void dialback_error(const std::string& local, const std::string& remote, std::string_view condition,
                        std::string_view text);
    ProvenBy certificate_proves(const std::string& domain) const;
    bool may_be_published(const std::string& domain) const;
    void seek_proof(const std::string& domain, Function<void()> then);
    std::string why_unproven(const std::string& domain) const;
    std::string why_no_proof(const std::string& domain) const;
    void note_end();
    void proven(const std::string& local, const std::string& remote, Intake::By by);

    // Once proven: in_stream_management.cpp.
    void move_home(Function<void()> then);
    void want_both_ways();
    void offer_to_link();
    void on_management(const xml::Element& element);
    void enable(const xml::Element& element);
    void resume(const xml::Element& element);
    void resumed(std::optional<std::uint32_t> handled);
    void forget_resumption();
    void supersede();
    void keep_alive();

    XmppFederation& federation_;
    Shard* shard_;
    std::string id_;
    std::string local_, remote_;                             // of the header; may be empty until dialback names them
    std::pair<std::string, std::string> about_;              // local and remote domain of what is being refused
    std::map<std::string, CertificateJudgement> published_;  // what domains say of the certificate that it showed
    std::shared_ptr<ProofSearch> proof_search_;
    std::shared_ptr<Intake> intake_;  // once a domain is proven
    Link* link_ = nullptr;            // that writes to this stream
    std::string resume_id_;
    std::uint32_t sent_before_ = 0;
    SteadyTime heard_at_{};  // last, or told that we are there
    Timer deadline_;
    TimePoint since_{};  // when it proved a domain
    int questions_ = 0;
    int refusals_ = 0;  // of dialback, before anything is proven
    bool starting_tls_ = false;
    bool secured_ = false;
    bool by_certificate_ = false;  // by SASL EXTERNAL, for the domains of the header
    bool both_ways_ = false;       // the partner has asked for it
    bool offered_ = false;         // to the link
    bool takes_names_ = false;     // of messages
    bool orderly_ = false;         // the partner has ended the stream
    bool given_up_ = false;
    bool shut_down_ = false;
    unsigned rechecked_by_ = 0;  // the version of the settings
    bool asked_ = false;         // it came to ask about a key of ours, and needs no proof for that
};

}  // namespace parley::server
