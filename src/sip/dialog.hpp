#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sip/dialog_record.hpp"
#include "sip/header/name_addr.hpp"
#include "sip/message.hpp"

namespace parley::sip {

// How we name ourselves to a peer: sip.<local domain>, a host directly in the SIP domain, never a node's name.
struct LocalName {
    std::string domain;      // of the local user
    std::string host;        // sip.<domain>
    std::uint16_t port = 0;  // 0: the scheme's default is ours
    bool tls = true;

    std::string sent_by() const;  // "SIP/2.0/TLS sip.example.com:5061"
    std::string contact() const;  // "<sip:sip.example.com:5061;transport=tls>": no user, the tag finds the dialog
};

// RFC 3261 12: one peer-to-peer relation, found by Call-ID and tags only (requests of one dialog come over any link).
// The route set and the remote target are kept byte for byte. Local CSeq numbers are handed out from a block whose top
// is on disk before its first number is used, so that they never go back after a crash.
class Dialog {
public:
    // We answer `request`, which has no To tag yet. `local_tag` is the tag that our responses carry.
    static Result<Dialog> as_uas(const Message& request, std::string local_tag, const LocalName& name);
    // We ask. The dialog is early until learn() has seen the peer's tag.
    static Dialog as_uac(std::string call_id, std::string local_tag, const Uri& local, const Uri& remote,
                         const LocalName& name, std::string remote_domain);
    static Result<Dialog> restored(const DialogRecord& record, LocalName name);

    // From a 2xx to our first request, or from the first NOTIFY when that was faster: tag, route set, target.
    Result<void> learn(const Message& message);

    const std::string& call_id() const { return call_id_; }
    const std::string& local_tag() const { return local_tag_; }
    const std::string& remote_tag() const { return remote_tag_; }
    const Uri& local_uri() const { return local_uri_; }
    const Uri& remote_uri() const { return remote_uri_; }
    const Uri& remote_target() const { return remote_target_; }
    const std::vector<std::string>& route_set() const { return route_set_; }
    const std::string& remote_domain() const { return remote_domain_; }
    const LocalName& name() const { return name_; }
    bool confirmed() const { return !remote_tag_.empty(); }

    // Does this request, whose To tag is ours, belong here? The peer's tag must be the one we know.
    bool matches(std::string_view remote_tag) const { return !confirmed() || remote_tag == remote_tag_; }
    // 12.2.2: in order? A number not above the last is answered 500; ACK and CANCEL are not asked about.
    bool accept_cseq(std::uint32_t number);
    // 12.2.1.2, 12.2.2: target refresh by a request or response with a Contact.
    void refresh_target(const Message& message);

    // Is a number left in the block that is on disk?
    bool has_cseq() const { return local_cseq_ < reserved_; }
    // Makes room for one more block; the record with its top must be stored before use_block().
    std::uint32_t next_block_top() const { return reserved_ + limit_block(); }
    void use_block(std::uint32_t top) { reserved_ = top; }
    std::uint32_t local_cseq() const { return local_cseq_; }

    // A request of ours in the dialog (12.2.1.1), all but Via, Contact and body; takes a CSeq number unless one is
    // given (ACK and CANCEL repeat that of their INVITE).
    Message request(std::string_view method);
    Message request(std::string_view method, std::uint32_t cseq) const;

    void fill(DialogRecord& record) const;

private:
    static std::uint32_t limit_block();

    std::string call_id_, local_tag_, remote_tag_;
    Uri local_uri_, remote_uri_, remote_target_;
    std::vector<std::string> route_set_;
    std::string remote_domain_;
    LocalName name_;
    std::uint32_t local_cseq_ = 0, reserved_ = 0, remote_cseq_ = 0;
};

}  // namespace parley::sip
