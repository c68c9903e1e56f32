// What happens on a client's stream before a resource is bound: RFC 6120 4 to 7, XEP-0198 3 and 5, XEP-0440.
#include "base/text.hpp"
#include "server/c2s_stream.hpp"
#include "server/module/modules.hpp"
#include "server/session.hpp"
#include "server/shard.hpp"
#include "server/storage_error.hpp"
#include "server/user.hpp"
#include "xml/writer.hpp"
#include "xmpp/ns.hpp"
#include "xmpp/sasl/sasl_data.hpp"

namespace parley::server {

using xmpp::Stanza;

void C2sStream::on_header(const xml::Element& root) {
    if (phase_ != Phase::opening) return close("bad-format", "a second stream header");
    if (!root.is(xmpp::ns::stream, "stream")) return close("invalid-namespace");
    const auto domain = xmpp::Jid::parse(root.attribute("to"));
    if (domain && domain->is_domain()) domain_ = domain->domain();
    if (domain_.empty() || !shard_->settings().domains.contains(domain_)) {
        const auto asked = domain_;
        domain_.clear();
        return close("host-unknown", "this server does not serve " + (asked.empty() ? "an unnamed domain" : asked));
    }
    send_header();
    const auto version = root.attribute("version");
    if (!version.starts_with("1.")) return close("unsupported-version");
    send_features();
    phase_ = user_.empty() ? Phase::features : Phase::authenticated;
}

void C2sStream::send_header() {
    header_sent_ = true;
    std::string out =
        "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
        "version='1.0' xml:lang='en'";
    xml::write_attribute(out, "id", shard_->random().hex(8));
    const auto& domains = shard_->settings().domains;
    if (!domain_.empty())
        xml::write_attribute(out, "from", domain_);
    else if (!domains.empty())
        xml::write_attribute(out, "from", domains.begin()->first);
    out += '>';
    send(out);
}

void C2sStream::send_features() {
    std::string out = "<stream:features>";
    if (!user_.empty()) {
        out +=
            "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
            "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session>"
            "<sm xmlns='urn:xmpp:sm:3'/><ver xmlns='urn:xmpp:features:rosterver'/>"
            "<sub xmlns='urn:xmpp:features:pre-approval'/>";
        xml::write(out, encode(server_caps()), xmpp::ns::client);
    } else if (!secured_) {
        out += "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>";
    } else {
        const auto stream = sasl_stream();
        out += "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>";
        for (const auto name : xmpp::SaslServer::mechanisms(stream)) {
            if (name == "PLAIN" && !shard_->settings().offer_plain) continue;
            out += "<mechanism>";
            out += name;
            out += "</mechanism>";
        }
        out += "</mechanisms>";
        if (!stream.tls_exporter.empty())
            out +=
                "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-exporter'/>"
                "</sasl-channel-binding>";
    }
    out += "</stream:features>";
    send(out);
}

void C2sStream::on_negotiation_element(const xml::Element& element) {
    if (element.ns() == xmpp::ns::tls && element.name() == "starttls" && phase_ == Phase::features && !secured_)
        return begin_tls();
    if (element.ns() == xmpp::ns::sasl && secured_ && user_.empty()) return on_auth(element);
    if (phase_ == Phase::authenticated) {
        if (element.is(xmpp::ns::sm, "resume")) return on_resume(element);
        if (element.ns() == xmpp::ns::sm)
            return send(
                xml::Element(xmpp::ns::sm, "failed").set_child(xml::Element(xmpp::ns::stanzas, "unexpected-request")));
        auto stanza = Stanza::decode(element);
        if (stanza && stanza->is_request() && stanza->type == "set" && stanza->child(xmpp::ns::bind, "bind"))
            return on_bind(*stanza);
        if (stanza && stanza->is_request()) {
            std::string text;
            xmpp::write(text, stanza->error(xmpp::stanza_error("not-authorized")), xmpp::ns::client);
            return send(text);
        }
    }
    // RFC 6120 4.9.3.12: stanzas before authentication or binding.
    close("not-authorized");
}

void C2sStream::begin_tls() {
    const auto& domains = shard_->settings().domains;
    const auto domain = domains.find(domain_);
    if (domain == domains.end()) return close("host-gone");
    send("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    phase_ = Phase::starting_tls;
    parser_.reset();  // what came behind <starttls/> in the clear is dropped (RFC 6120 5.4.3.3)
    header_sent_ = false;
    connection_->start_tls(domain->second, net::Connection::TlsRole::server);
}

void C2sStream::on_secured() {
    secured_ = true;
    if (phase_ == Phase::starting_tls) phase_ = Phase::opening;
}

xmpp::SaslStream C2sStream::sasl_stream() {
    if (exporter_.empty()) exporter_ = connection_->channel_binding();
    return {domain_, secured_, exporter_, shard_->node().secret};
}

void C2sStream::on_auth(const xml::Element& element) {
    if (element.name() == "abort") return sasl_failed("aborted");
    const auto data = xmpp::decode_sasl_data(element.text());
    if (!data) return sasl_failed("incorrect-encoding");
    if (element.name() == "auth") {
        if (element.attribute("mechanism") == "PLAIN" && !shard_->settings().offer_plain)
            return sasl_failed("invalid-mechanism");
        sasl_ = std::make_unique<xmpp::SaslServer>(sasl_stream());
        phase_ = Phase::sasl;
        return perform(sasl_->start(element.attribute("mechanism"), *data));
    }
    if (element.name() != "response" || !sasl_) return sasl_failed("malformed-request");
    perform(sasl_->response(data->value_or("")));
}

void C2sStream::perform(xmpp::SaslServer::Step step) {
    if (const auto* challenge = std::get_if<xmpp::SaslServer::Challenge>(&step)) {
        send(xml::Element(xmpp::ns::sasl, "challenge").with_text(xmpp::encode_sasl_data(challenge->data)));
    } else if (const auto* failure = std::get_if<xmpp::SaslServer::Failure>(&step)) {
        sasl_failed(failure->condition);
    } else if (const auto* success = std::get_if<xmpp::SaslServer::Success>(&step)) {
        sasl_succeeded(*success);
    } else {
        const auto& need = std::get<xmpp::SaslServer::NeedAccount>(step);
        wait();
        auto jid = xmpp::Jid::make(need.local, domain_);
        auto answer = [weak = weak_from_this()](Result<storage::Account> account) {
            const auto self = weak.lock();
            if (!self || self->phase_ != Phase::sasl || self->closing()) return;
            if (account) self->account_ = account->jid.to_string();
            if (account)
                self->perform(
                    self->sasl_->account(xmpp::SaslCredentials{account->sha1, account->sha256, account->disabled}));
            else if (account.error().code == Errc::not_found)
                self->perform(self->sasl_->account(std::nullopt));
            else
                self->perform(self->sasl_->account_unavailable());
            self->go_on();
        };
        if (!jid)
            answer(Error{Errc::not_found, {}});
        else
            shard_->stores().accounts().load(*std::move(jid), std::move(answer));
    }
}

void C2sStream::sasl_failed(std::string_view condition) {
    sasl_.reset();
    phase_ = Phase::features;
    shard_->counters.login_failures.fetch_add(1, std::memory_order_relaxed);
    const auto account = std::exchange(account_, {});
    if (condition != "aborted")
        shard_->refusal_log.refused(account.empty() ? "a sign-in" : "the sign-in of " + account, remote(), condition,
                                    condition == "not-authorized" ? "wrong user name or password" : "",
                                    account.empty() ? "" : "A new password: parleyctl user passwd " + account);
    send(xml::Element(xmpp::ns::sasl, "failure").set_child(xml::Element(xmpp::ns::sasl, condition)));
    if (++sasl_failures_ >= shard_->settings().limits.sasl_failures)
        close("policy-violation", "too many failed attempts to sign in");
}

void C2sStream::sasl_succeeded(const xmpp::SaslServer::Success& success) {
    auto jid = xmpp::Jid::make(success.local, domain_);
    if (!jid) return sasl_failed("not-authorized");
    user_ = *std::move(jid);
    send(xml::Element(xmpp::ns::sasl, "success").with_text(xmpp::encode_sasl_data(success.additional_data)));
    sasl_.reset();
    std::string().swap(exporter_);
    std::string().swap(account_);
    parser_.reset();  // a new stream begins (RFC 6120 6.4.6)
    xml::ParserLimits limits;
    limits.tag = shard_->settings().limits.xml_tag;
    limits.element = shard_->settings().limits.stanza_c2s;
    limits.depth = shard_->settings().limits.xml_depth;
    parser_.set_limits(limits);
    header_sent_ = false;
    phase_ = Phase::opening;
    deadline_.cancel();
    deadline_ = shard_->executor().after(shard_->settings().limits.to_authenticate, [this] {
        close("connection-timeout", "no resource was bound on this stream");
    });
    place_.authenticated();
    shard_->counters.logins.fetch_add(1, std::memory_order_relaxed);
}

void C2sStream::on_bind(const Stanza& request) {
    wait();
    move_to_home([this, request] {
        auto found = [weak = weak_from_this(), request](const Result<User*>& user) {
            const auto self = weak.lock();
            if (!self || self->phase_ != Phase::authenticated || self->closing()) return;
            self->finish_bind(request, user);
            self->go_on();
        };
        shard_->with_user(user_, std::move(found));
    });
}

void C2sStream::finish_bind(const Stanza& request, const Result<User*>& found) {
    const auto answer = [&](const Stanza& stanza) {
        std::string text;
        xmpp::write(text, stanza, xmpp::ns::client);
        send(text);
    };
    if (!found && found.error().code == Errc::not_found) return close("not-authorized", "the account has been removed");
    if (!found) return answer(request.error(storage_error(found.error())));  // it may try again
    auto* user = *found;
    const auto* bind = request.child(xmpp::ns::bind, "bind");
    const auto* wish = bind->child(xmpp::ns::bind, "resource");
    auto resource = wish ? wish->text() : std::string{};
    if (resource.empty()) resource = shard_->random().hex(8);
    const auto full = user_.with_resource(resource);
    if (!full) return answer(request.error(xmpp::stanza_error("bad-request", "the resource is not allowed")));
    // RFC 6120 7.7.2.2: the newer session wins; the older one is told.
    if (auto* old = user->session(full->resource())) {
        if (old->stream())
            old->stream()->close("conflict", "replaced by a new connection of yours");
        else
            user->end(*old);
    }
    if (user->sessions().size() >= shard_->settings().limits.resources_per_account)
        return answer(request.error(xmpp::stanza_error("resource-constraint", "too many connected resources")));
    auto& session = user->bind(*full);
    session.attach(*this);
    session_ = session.shared_from_this();
    phase_ = Phase::bound;
    deadline_.cancel();
    shard_->counters.sessions.fetch_add(1, std::memory_order_relaxed);
    auto result = request.reply();
    result.to = result.from = {};
    result.add(xml::Element(xmpp::ns::bind, "bind"))
        .add(xml::Element(xmpp::ns::bind, "jid"))
        .add_text(full->to_string());
    answer(result);
}

void C2sStream::on_resume(const xml::Element& element) {
    const auto h = parse_number<std::uint32_t>(element.attribute("h"));
    std::string id(element.attribute("previd"));
    if (!h || id.empty()) return close("bad-format");
    wait();
    move_to_home([this, id = std::move(id), h = *h] {
        auto* user = shard_->loaded_user(user_);
        auto* session = user ? user->resumable(id) : nullptr;
        if (!session) {
            send(xml::Element(xmpp::ns::sm, "failed").set_child(xml::Element(xmpp::ns::stanzas, "item-not-found")));
            return go_on();
        }
        // `h` in our answer makes the client send again all above it: so nothing of its old stream may still be under
        // way.
        session->when_settled([weak = weak_from_this(), id, h] {
            const auto self = weak.lock();
            if (!self || self->phase_ != Phase::authenticated || self->closing()) return;
            self->finish_resume(id, h, self->shard_->loaded_user(self->user_));
            self->go_on();
        });
    });
}

void C2sStream::finish_resume(const std::string& resume_id, std::uint32_t h, User* user) {
    auto* session = user ? user->resumable(resume_id) : nullptr;
    if (!session || !session->on_ack(h)) {
        send(xml::Element(xmpp::ns::sm, "failed").set_child(xml::Element(xmpp::ns::stanzas, "item-not-found")));
        return;
    }
    if (auto* old = session->stream()) {
        // Half-open: the client has noticed the broken link before we did.
        session->detach();
        old->close("conflict", "the stream was resumed on another connection");
    }
    session->resume_timer.cancel();
    session->attach(*this);
    session_ = session->shared_from_this();
    phase_ = Phase::bound;
    deadline_.cancel();
    send(xml::Element(xmpp::ns::sm, "resumed")
             .set("previd", resume_id)
             .set("h", std::to_string(session->tell_handled())));
    session->resend_unacked();
    session->catch_up();
}

}  // namespace parley::server
