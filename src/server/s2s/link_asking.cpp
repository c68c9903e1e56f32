#include "base/printable.hpp"
#include "im/xmpp_profile.hpp"
#include "server/s2s/domain_of.hpp"
#include "server/s2s/link.hpp"
#include "server/s2s/xmpp_federation.hpp"
#include "server/shard.hpp"
#include "xml/writer.hpp"
#include "xmpp/ns.hpp"
#include "xmpp/payload/software_version.hpp"

// What we ask a partner's server itself: about dialback keys, and which release it is.

namespace parley::server {
namespace {

constexpr std::size_t most_name = 100;     // bytes of what a partner calls its software
constexpr Millis release_patience{5'000};  // one that does not say which release it is may be any

}  // namespace

std::string Link::ask_for(std::string_view id, const xml::Element& payload) const {
    xmpp::Stanza question;
    question.kind = xmpp::Stanza::Kind::iq;
    question.type = "get";
    question.id = id;
    question.from = *xmpp::Jid::make("", local_);
    question.to = *xmpp::Jid::make("", remote_);
    question.add(payload);
    std::string text;
    xmpp::write(text, question, xmpp::ns::server);
    return text;
}

// Nothing is said to such a partner before it is known to be one that we talk to.
void Link::ask_release() {
    if (carrier_->closing() || im::xmpp_profile_of(shard_.settings().policy, remote_).refused_release.empty()) return;
    release_ = Release::asked;
    ++sent_;
    carrier_->send(ask_for("release", xml::Element(xmpp::ns::version, "query")));
    release_timer_ = shard_.executor().after(release_patience, [this] {
        if (std::exchange(release_, Release::good) == Release::asked) flush();
    });
}

void Link::on_release(const xmpp::Stanza& answer) {
    release_timer_.cancel();
    release_ = Release::good;
    const auto& kind = im::xmpp_profile_of(shard_.settings().policy, remote_);
    const auto software = xmpp::find<xmpp::SoftwareVersion>(answer);
    const bool refused = software && software->name.find(kind.refused_software) != std::string::npos &&
                         im::is_of_release(software->version, kind.refused_release);
    if (!refused) return flush();
    auto& refusals = federation_.refused_releases();
    const auto name = printable(software->name, most_name), version = printable(software->version, most_name);
    const auto why = remote_ + " runs " + name + " " + version + ", which is not supported here";
    refusals.add(remote_, why, shard_.clock().now());
    resume_id_.clear();
    if (carrier_ == stream_.get())
        refuse("policy-violation", why, {}, {});
    else
        carrier_->close("policy-violation", why);
    fault_ = im::PartnerEvent::Fault::none;
    give_up({Errc::forbidden, refusals.why(remote_, shard_.clock().now())});
}

void Link::ask() {
    for (auto& question : questions_) {
        if (question.sent) continue;
        question.sent = true;
        std::string text = "<db:verify";
        xml::write_attribute(text, "from", local_);
        xml::write_attribute(text, "to", remote_);
        xml::write_attribute(text, "id", question.stream_id);
        text += '>';
        xml::escape(text, question.key);
        stream_->send(text + "</db:verify>");
    }
}

// Of our own stream. On one that goes both ways the partner may ask too (XEP-0288 2.2): for a key of ours, and for more
// domains, which we let it prove on streams that it opens.
void Link::on_dialback(const xml::Element& element) {
    if (element.has_attribute("type")) {
        if (element.name() == "verify") on_verdict(element);
        return;
    }
    if (!stream_->both_ways()) return;
    if (element.name() == "verify" && element.attribute("to") == local_) {
        const auto asking = domain_of(element.attribute("from"));
        if (asking.empty()) return;
        return stream_->send(federation_.answer_about_key(shard_, asking, local_, element, stream_->remote()));
    }
    if (element.name() != "result") return;
    std::string out = "<db:result type='error'";
    xml::write_attribute(out, "from", element.attribute("to"));
    xml::write_attribute(out, "to", element.attribute("from"));
    stream_->send(out +
                  "><error type='cancel'><feature-not-implemented xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
                  "</error></db:result>");
}

void Link::on_verdict(const xml::Element& element) {
    for (auto question = questions_.begin(); question != questions_.end(); ++question) {
        if (question->stream_id != element.attribute("id")) continue;
        const auto type = element.attribute("type");
        auto answer = std::move(question->answer);
        questions_.erase(question);
        return answer(type == "valid" ? Verdict::valid : type == "invalid" ? Verdict::invalid : Verdict::unknown);
    }
}

}  // namespace parley::server
