#include "server/s2s/domain_of.hpp"
#include "server/s2s/in_stream.hpp"
#include "server/s2s/xmpp_federation.hpp"
#include "server/shard.hpp"
#include "xml/writer.hpp"

namespace parley::server {
namespace {

constexpr int most_questions = 16;       // dialback questions at once on one stream
constexpr std::size_t most_pairs = 256;  // domain pairs on one stream
constexpr int most_refusals = 32;        // of domains on a stream that has proven none

}  // namespace

void InStream::dialback_error(const std::string& local, const std::string& remote, std::string_view condition,
                              std::string_view text) {
    if (!intake_ && ++refusals_ > most_refusals) return close("policy-violation", "too many domains were refused");
    const auto told = note_refused(local, remote, condition, text);
    std::string out = "<db:result type='error'";
    xml::write_attribute(out, "from", local);
    xml::write_attribute(out, "to", remote);
    out += "><error type='cancel'><";
    out += condition;
    out += " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>";
    xml::escape(out, told);
    out += "</text></error></db:result>";
    send(out);
}

// XEP-0220 2.1: a peer shows a key; we ask the domain's own server whether it made it.
void InStream::on_dialback_result(const xml::Element& element) {
    if (element.has_attribute("type")) return;  // an answer, and nothing was asked here (XEP-0288 4)
    const auto remote = domain_of(element.attribute("from"));
    const auto local = domain_of(element.attribute("to"));
    if (remote.empty()) return close("improper-addressing");
    if (local.empty() || !shard_->is_local(local))
        return dialback_error(local, remote, "item-not-found", "this domain is not served here");
    if (undecided(remote)) return decide(remote, [this, element] { judge_dialback(element); });
    judge_dialback(element);
}

void InStream::judge_dialback(const xml::Element& element) {
    const auto remote = domain_of(element.attribute("from"));
    const auto local = domain_of(element.attribute("to"));
    const auto& policy = shard_->settings().policy;
    const auto rule = policy.settings(remote);
    if (const auto why = federation_.why_refused(*shard_, remote); !why.empty())
        return dialback_error(local, remote, "policy-violation", why);
    if (const auto why = why_not_inside_tls(remote); !why.empty())
        return dialback_error(local, remote, "policy-violation", why);
    if (!secured_ && rule.tls == im::TlsPolicy::required)
        return dialback_error(local, remote, "policy-violation", "TLS is required of " + remote);
    if (secured_ ? !rule.dialback : !rule.plain_dialback) {
        // A trusted certificate proves more than dialback would.
        if (may_be_published(remote)) return seek_proof(remote, [this, element] { judge_dialback(element); });
        if (certificate_proves(remote) == ProvenBy::nothing)
            return dialback_error(
                local, remote, "not-authorized",
                "dialback is not allowed for " + remote + ", and " + why_no_proof(remote) + why_unproven(remote));
        proven(local, remote, Intake::By::certificate);
        return send("<db:result from='" + local + "' to='" + remote + "' type='valid'/>");
    }
    if ((intake_ && intake_->pairs.size() >= most_pairs) || questions_ >= most_questions)
        return dialback_error(local, remote, "resource-constraint", "too many domains on this stream");
    ++questions_;
    auto answered = [weak = weak_from_this(), local, remote](Link::Verdict verdict) {
        const auto self = weak.lock();
        if (!self || self->closing()) return;
        --self->questions_;
        if (verdict == Link::Verdict::unknown)
            return self->dialback_error(local, remote, "remote-server-timeout",
                                        "the server of " + remote + " could not be asked");
        if (verdict == Link::Verdict::valid)
            self->proven(local, remote, Intake::By::dialback);
        else
            self->note_refused(local, remote, "not-authorized",
                               "its dialback key is not that of the domain's own server", false);
        self->send("<db:result from='" + local + "' to='" + remote + "' type='" +
                   (verdict == Link::Verdict::valid ? "valid" : "invalid") + "'/>");
    };
    federation_.verify(*shard_, local, remote, id_, element.text(), std::move(answered));
}

// XEP-0220 2.2.2: somebody asks whether a key is ours.
void InStream::on_dialback_verify(const xml::Element& element) {
    const auto asking = domain_of(element.attribute("from"));
    const auto ours = domain_of(element.attribute("to"));
    if (asking.empty() || ours.empty() || !shard_->is_local(ours))
        return close("host-unknown", "this domain is not served here");
    asked_ = true;
    send(federation_.answer_about_key(*shard_, asking, ours, element, this->remote()));
}

}  // namespace parley::server
