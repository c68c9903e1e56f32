#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/executor.hpp"
#include "base/limits.hpp"
#include "im/federation_policy.hpp"
#include "server/s2s/certificate_proof.hpp"
#include "server/s2s/targets.hpp"
#include "server/xml_stream.hpp"

namespace parley::server {

class PoshDocuments;

// A stream that we opened to a foreign domain (RFC 6120 as initiating entity): TLS by the domain's settings, then SASL
// EXTERNAL (XEP-0178) or server dialback (XEP-0220), until stanzas may flow. It also carries questions about keys that
// others showed us
// (<db:verify/>), for which it needs no authentication of its own.
class OutStream final : public XmlStream {
public:
    struct Setup {
        std::string local, remote;
        im::DomainRule rule;
        std::shared_ptr<net::TlsContext> tls;          // nullptr: we have no certificate for this domain
        std::string secret;                            // of the node, for dialback keys
        std::shared_ptr<const SecureTarget> secure{};  // nullptr: DNS is not secure
        PoshDocuments* posh = nullptr;                 // nullptr: web servers of partners are not asked
        bool direct_tls = false;
        bool verify_only = false;  // opened to ask about a key
        bool both_ways = false;    // asks for stanzas of the peer's on this stream, where both have certificates
        std::size_t outbound_soft = Limits{}.outbound_soft;
    };
    class Owner {
    public:
        virtual ~Owner() = default;
        virtual void on_askable() = 0;  // questions about keys may be sent: they need no authentication of ours
        virtual void on_ready() = 0;    // stanzas may be sent
        virtual void on_drained() = 0;  // all that was written has gone
        virtual void on_element(xml::Element element) = 0;  // what is not negotiation: errors, answers
        // Once, last. `error.detail` says in words what failed.
        virtual void on_ended(const Error& error) = 0;
    };

    OutStream(Setup setup, std::unique_ptr<net::Connection> connection, Owner& owner);
    void start();
    bool askable() const { return askable_ && !ending(); }
    // A stream that was opened to ask only is to carry stanzas after all: we prove who we are.
    void want_stanzas();
    bool ready() const { return ready_; }
    // What ended it before it was ready, for who must tell people what to do.
    // `external`: it has refused our certificate and then ended the stream, so that dialback needs another one.
    enum class Fault {
        none,
        connection,
        not_xmpp,
        stream_error,
        no_tls,
        tls,
        certificate,
        no_proof,
        external,
        dialback
    };
    Fault fault() const { return fault_; }
    // In words, from the moment at which it is known: a peer may take its time to close the connection.
    const Error& reason() const { return reason_; }
    bool opened() const { return !stream_id_.empty(); }  // the peer has sent its header
    std::string_view proof() const { return proof_; }    // "SASL EXTERNAL", "dialback": by which we became ready
    const CertificateJudgement& certificate() const { return certificate_; }  // of the peer's; once it is askable
    // How each way of proving who we are went on this stream, for who must tell people.
    struct Attempt {
        bool offered = false;  // a peer without features (before version 1.0) offers dialback alone
        bool tried = false;
        bool accepted = false;
        std::string reason{};  // the peer's own, when it was refused: "not-authorized: ..."
    };
    const Attempt& external() const { return external_; }
    const Attempt& dialback() const { return dialback_; }
    const std::string& stream_id() const { return stream_id_; }        // the peer's: questions about our key name it
    const std::string& stream_error() const { return stream_error_; }  // the condition by which the peer has ended it
    bool takes_names() const { return takes_names_; }                  // of messages: docs/federation-names.md
    bool offers_management() const { return offers_management_; }      // XEP-0198, on this stream that is ready
    bool securing() const { return starting_tls_; }                    // TLS has begun and is not through
    bool both_ways() const { return both_ways_; }                      // XEP-0288: the peer may send stanzas on it
    bool orderly() const { return orderly_; }                          // the peer has ended it
    bool ending() const { return closing() || winding_down_; }         // nothing more can be sent
    const net::TlsInfo* tls() const { return connection_->tls(); }
    void hold(bool on) { on ? wait() : go_on(); }  // nothing more is read for now
    void wind_down();  // ends it, once the peer has; what it has sent before is still taken (RFC 6120 4.4)
    void give_up();    // the peer does not answer: the connection goes without a word
    using XmlStream::finish;
    // After this stream to `target` has ended before it was ready: the same port in another way, if one is worth a
    // second try. A record may point at a port of the other kind, where TLS comes first or not; a peer may end the
    // stream over our certificate, and dialback is left. `timed_out`: we have ended it.
    std::optional<Target> another_way(const Target& target, const im::DomainRule& rule, bool timed_out) const;

private:
    void on_bytes(std::string_view bytes) override;
    void on_header(const xml::Element& root) override;
    void on_element(xml::Element element) override;
    void on_stream_end() override;
    void send_header() override;
    bool in_handshake() const override { return starting_tls_; }
    std::string refusing(std::string_view condition, std::string_view text) override;
    void on_secured() override;
    void on_drained() override;
    void on_closed(const Error& why) override;

    void on_features(const xml::Element& features);
    void wait_for_features();
    void ask_for_both_ways();
    bool dialback_would_do() const;
    void authenticate(const xml::Element* features);
    void judge_peer();
    void peer_judged();
    void prove();
    void dial_back();
    bool certificate_is_needed() const;
    void fail(Fault fault, Errc code, std::string detail);
    void note_refused_certificate();

    Setup setup_;
    Owner& owner_;
    Error reason_{Errc::closed, {}};
    Fault fault_ = Fault::none;
    std::string_view proof_;
    std::string stream_id_;
    Timer features_timer_, end_timer_;
    CertificateJudgement certificate_;
    std::string our_certificate_problem_;                    // why the peer does not take ours
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);  // tells late answers that we are gone
    bool heard_ = false;
    bool starting_tls_ = false;
    Attempt external_, dialback_;
    std::string stream_error_;
    bool offers_management_ = false;
    bool authenticated_ = false;
    bool both_ways_offered_ = false;
    bool both_ways_ = false;
    bool orderly_ = false;
    bool winding_down_ = false;
    bool askable_ = false;
    bool ready_ = false;
    bool takes_names_ = false;
};

}  // namespace parley::server
