#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load/fleet.hpp"
#include "bench/load/sip_link.hpp"

namespace parley::bench {

// XMPP users at the server, and a SIP domain beside it whose users we play: one person there for each user here, both
// with the same number. We dial the server once, and take what it dials.
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

    void open_link();  // throws std::runtime_error
    SessionSetup managed_setup(unsigned index) const;
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
    // The number in a Call-ID of ours; ~0U for one that is not.
    static unsigned index_of(const SipMessage& message);
    // The number in a user part ("u00012@..."): of whom a request of the server speaks.
    unsigned index_of_person(std::string_view address) const;
    std::string offer() const;

    void on_sip_closed(SipLink& link, std::string_view why) override;

    // The figures that every mode of this kind prints.
    int report(const Mark& before, const Mark& after, std::uint64_t operations, std::uint64_t lost);

    std::uint64_t doubled_ = 0, reordered_ = 0, strange_ = 0;
    void strange(std::string_view what) {
        ++strange_;
        note_error(what.substr(0, 300));
    }

private:
    void accept(int fd);

    SslContext client_, server_;
    std::unique_ptr<SipListener> listener_;
    std::vector<std::unique_ptr<SipLink>> links_;  // the first is the one that we have dialled
    std::string text_;
};

}  // namespace parley::bench
