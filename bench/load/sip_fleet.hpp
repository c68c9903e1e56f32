#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load/fleet.hpp"
#include "bench/load/sip_link.hpp"

namespace parley::bench {

// XMPP users at the server, and a SIP domain beside it whose users we play: one person there for each user here, both
// with the same number. We dial the server once, and take what it dials. With `sip_users` the server's users are SIP
// clients, which we play too: each is registered with our listener as its Contact.
class SipFleet : public Fleet, public SipLink::Events {
public:
    explicit SipFleet(const Options& options);

protected:
    // What both sides of a dialog know of it; ours is the partner's side.
    struct Dialog {
        unsigned index = 0;
        std::string call_id, ours, theirs;  // theirs: From or To value with its tag, as the server wrote it
        std::string target;                 // their Contact
        unsigned cseq = 0;
    };

    void bring_up_users(bool stream_management);  // and the link; throws std::runtime_error
    std::string bare(unsigned index) const { return setup(index).user + '@' + options_.server.domain; }
    std::string person(unsigned index) const { return setup(index).user + '@' + options_.sip_domain; }

    // A dialog that we begin with the user of that number. `round` makes its Call-ID unique.
    Dialog new_dialog(unsigned index, std::uint64_t round) const;
    // From a request or response of the server: takes up its tag and Contact.
    static void learn(Dialog& dialog, const SipMessage& message, std::string_view their_field);
    void request(Dialog& dialog, std::string_view method, std::string_view fields = {}, std::string_view type = {},
                 std::string_view body = {});
    void ack(const Dialog& dialog);
    void answer(SipLink& link, const SipMessage& request, std::string_view status, std::string_view fields = {},
                std::string_view type = {}, std::string_view body = {});
    // The number in a Call-ID of this run; ~0U for one that is not.
    unsigned index_of(const SipMessage& message) const;
    std::string offer() const;
    // The user, who is a SIP client, says what all may see. One after the other; what waits is replaced.
    void publish(unsigned index, const std::string& text);

    // What reaches the partner; of what reaches a SIP user, only a text comes to the mode.
    virtual void on_partner_sip(SipLink& link, const SipMessage& message) = 0;
    virtual void on_user_text(unsigned, std::string_view text) { strange(text); }

    void on_sip(SipLink& link, const SipMessage& message) final;
    void on_sip_closed(SipLink& link, std::string_view why) override;

    // The figures that every mode of this kind prints.
    int report(const Mark& before, const Mark& after, std::uint64_t operations, std::uint64_t lost);

    std::uint64_t doubled_ = 0, reordered_ = 0, strange_ = 0;
    void strange(std::string_view what) {
        ++strange_;
        note_error(what.substr(0, 300));
    }

private:
    void open_link();
    void accept(int fd);
    void register_users();
    bool is_for_user(const SipMessage& message) const;
    void on_user_sip(SipLink& link, const SipMessage& message);
    std::string contact(const std::string& address) const;

    SslContext client_, server_;
    std::unique_ptr<SipListener> listener_;
    std::vector<std::unique_ptr<SipLink>> links_;  // the first is the one that we have dialled
    std::string text_;
    unsigned registered_ = 0;
    std::uint64_t publications_ = 0;
    struct Publication {
        std::string entity_tag, next;  // next: waits for the answer that brings the tag
        bool under_way = false;
    };
    std::vector<Publication> published_;
};

}  // namespace parley::bench
