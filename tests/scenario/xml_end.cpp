#include "tests/scenario/xml_end.hpp"

#include "xml/writer.hpp"
#include "xmpp/ns.hpp"
#include "xmpp/sasl/sasl_data.hpp"

namespace parley::test {
namespace {

using namespace std::chrono_literals;
using Role = net::Connection::TlsRole;

constexpr auto starttls = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>";
constexpr auto external =
    "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>EXTERNAL</mechanism></mechanisms>";

std::string header_of(std::string_view ns, std::string_view from, std::string_view to) {
    std::string out = "<?xml version='1.0'?><stream:stream xmlns='";
    out.append(ns).append("' xmlns:stream='http://etherx.jabber.org/streams' xmlns:db='jabber:server:dialback'");
    if (!from.empty()) xml::write_attribute(out, "from", from);
    if (!to.empty()) xml::write_attribute(out, "to", to);
    return out += " version='1.0'>";
}

std::unique_ptr<XmlEnd> connect_to(MemoryNetwork& network, FakeExecutor& executor, std::uint16_t port) {
    std::unique_ptr<XmlEnd> end;
    network.connect(executor, {"10.0.0.1", port}, 5s, [&end](Result<std::unique_ptr<net::Connection>> connection) {
        if (connection) end = std::make_unique<XmlEnd>(*std::move(connection));
    });
    executor.run_until_idle();
    return end;
}

}  // namespace

void XmlEnd::on_bytes(std::string_view bytes) {
    if (!parser_.feed(bytes)) heard.emplace_back("", "the-server-writes-bad-xml");
    while (auto item = parser_.next()) {
        if (const auto* header = std::get_if<xml::StreamParser::Header>(&*item))
            on_header(header->root);
        else if (auto* element = std::get_if<xml::Element>(&*item); element && !on_element(*element))
            heard.push_back(std::move(*element));
    }
}

// --- a client

Client::Client(MemoryNetwork& world, FakeExecutor& executor, std::string user, std::string domain, std::string resource,
               std::string address)
    : executor_(executor),
      host_{MemoryNetwork(world, address), address},
      user_(std::move(user)),
      domain_(std::move(domain)),
      resource_(std::move(resource)) {}

void Client::collect() {
    if (!end_) return;
    for (auto& element : end_->heard) heard_.push_back(std::move(element));
    end_->heard.clear();
}

void Client::say(std::string_view bytes) {
    if (end_) end_->say(bytes);
    executor_.run_until_idle();
}

void Client::stop_reading(bool stop) {
    end_->stop_reading(stop);
    executor_.run_until_idle();
}

void Client::stop_acknowledging(bool stop) {
    acknowledges_ = !stop;
    if (!stop) say("<a xmlns='urn:xmpp:sm:3' h='" + std::to_string(handled_) + "'/>");
}

void Client::drop() {
    if (end_) end_->drop();
    executor_.run_until_idle();
    collect();
}

bool Client::on_element(const xml::Element& element) {
    if (managed_ && element.ns() == xmpp::ns::client) ++handled_;
    if (element.is(xmpp::ns::sm, "r") && !acknowledges_) return true;
    if (element.is(xmpp::ns::sm, "r")) {
        end_->say("<a xmlns='urn:xmpp:sm:3' h='" + std::to_string(handled_) + "'/>");
        return true;
    }
    if (element.is(xmpp::ns::client, "iq") && element.attribute("type") == "get" &&
        element.child(xmpp::ns::ping, "ping")) {
        std::string answer = "<iq type='result'";
        xml::write_attribute(answer, "id", element.attribute("id"));
        xml::write_attribute(answer, "to", element.attribute("from"));
        end_->say(answer + "/>");
        return true;
    }
    return false;
}

// The next element, which must be this one.
std::string Client::expect(std::string_view name, xml::Element* got) {
    executor_.run_until_idle();
    if (!end_ || end_->heard.empty()) return jid() + " hears nothing where <" + std::string(name) + "/> should come";
    const auto element = std::move(end_->heard.front());
    end_->heard.pop_front();
    if (element.name() != name) return jid() + " hears " + xml::to_string(element, xmpp::ns::client);
    if (got) *got = element;
    return {};
}

void Client::header() {
    end_->say(header_of(xmpp::ns::client, {}, domain_));
}

std::string Client::dial() {
    collect();
    managed_ = false;
    host_.go(false);
    // Left open: a client that comes back has not closed the broken connection.
    previous_ = std::move(end_);
    if (previous_) previous_->on_element = [](const xml::Element&) { return true; };
    end_ = connect_to(host_.network, executor_, 5222);
    if (!end_) return jid() + " cannot connect";
    end_->on_element = [this](const xml::Element& element) { return on_element(element); };
    header();
    executor_.run_until_idle();
    return {};
}

std::string Client::secure() {
    if (auto bad = dial(); !bad.empty()) return bad;
    if (auto bad = expect("features"); !bad.empty()) return bad;
    end_->say("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    if (auto bad = expect("proceed"); !bad.empty()) return bad;
    end_->secure(Role::client);
    header();
    return expect("features");
}

std::string Client::authenticate() {
    if (auto bad = secure(); !bad.empty()) return bad;
    const std::string zero(1, '\0');
    const auto secret = xmpp::encode_sasl_data(zero + user_ + zero + user_);
    end_->say("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" + secret + "</auth>");
    if (auto bad = expect("success"); !bad.empty()) return bad;
    end_->begin_anew();
    header();
    return expect("features");
}

std::string Client::connect() {
    if (auto bad = authenticate(); !bad.empty()) return bad;
    end_->say("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>" + resource_ +
              "</resource></bind></iq>");
    xml::Element result;
    if (auto bad = expect("iq", &result); !bad.empty()) return bad;
    return result.attribute("type") == "result" ? std::string{} : jid() + " cannot bind its resource";
}

std::string Client::log_in() {
    if (auto bad = connect(); !bad.empty()) return bad;
    end_->say("<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>");
    if (auto bad = expect("iq"); !bad.empty()) return bad;
    end_->say("<presence/>");
    executor_.run_until_idle();
    // It sees itself (RFC 6121 4.2.2): no news.
    std::erase_if(end_->heard, [&](const xml::Element& element) {
        return element.name() == "presence" && element.attribute("from") == jid();
    });
    return {};
}

std::string Client::enable_resumption() {
    end_->say("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    xml::Element enabled;
    if (auto bad = expect("enabled", &enabled); !bad.empty()) return bad;
    managed_ = true;
    handled_ = 0;
    resume_id_ = enabled.attribute("id");
    return {};
}

std::string Client::resume() {
    const auto handled = handled_;
    if (auto bad = authenticate(); !bad.empty()) return bad;
    managed_ = true;
    end_->say("<resume xmlns='urn:xmpp:sm:3' previd='" + resume_id_ + "' h='" + std::to_string(handled) + "'/>");
    if (auto bad = expect("resumed"); !bad.empty()) {
        managed_ = false;
        return bad;
    }
    return {};
}

// --- a foreign server

PeerServer::PeerServer(MemoryNetwork& world, FakeExecutor& executor, std::string domain, std::string address)
    : executor_(executor), network_(world, address), domain_(std::move(domain)) {
    world.dns().srv["_xmpp-server._tcp." + domain_] = {{0, 0, 5269, "xmpp." + domain_}};
    world.dns().host["xmpp." + domain_] = {address};
    network_.set_certificate(certificate_for(domain_));
    auto listener = network_.listen(executor_, {address, 5269}, [this](std::unique_ptr<net::Connection> connection) {
        accepted(std::move(connection));
    });
    if (listener) listener_ = *std::move(listener);
}

PeerServer::~PeerServer() = default;

void PeerServer::accepted(std::unique_ptr<net::Connection> connection) {
    auto* end = in_.emplace_back(std::make_unique<XmlEnd>(std::move(connection))).get();
    auto authenticated = std::make_shared<bool>(false);
    auto other = std::make_shared<std::string>();
    end->on_header = [this, end, authenticated, other](const xml::Element& root) {
        *other = root.attribute("from");
        end->say(header_of(xmpp::ns::server, domain_, *other) + "<stream:features>" +
                 (*authenticated   ? ""
                  : end->secured() ? external
                                   : starttls) +
                 "</stream:features>");
    };
    end->on_element = [this, end, authenticated, other](const xml::Element& element) {
        if (element.is(xmpp::ns::tls, "starttls")) {
            end->say("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
            end->secure(Role::server);
            return true;
        }
        if (element.is(xmpp::ns::sasl, "auth")) {
            *authenticated = true;
            end->say("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
            end->begin_anew();
            return true;
        }
        const auto answer = answer_to_ping(element);
        if (answer.empty()) return false;
        // A server answers on its own stream, and not from inside a read.
        executor_.post([this, answer, local = *other] { say(answer, local); });
        return true;
    };
}

std::string PeerServer::answer_to_ping(const xml::Element& element) {
    if (element.name() != "iq" || element.attribute("type") != "get" || !element.child(xmpp::ns::ping, "ping"))
        return {};
    std::string answer = "<iq type='result'";
    xml::write_attribute(answer, "id", element.attribute("id"));
    xml::write_attribute(answer, "to", element.attribute("from"));
    xml::write_attribute(answer, "from", element.attribute("to"));
    return answer + "/>";
}

void PeerServer::collect() {
    for (const auto& end : in_) {
        for (auto& element : end->heard) heard_.push_back(std::move(element));
        end->heard.clear();
    }
    if (!out_) return;
    for (auto& element : out_->heard) heard_.push_back(std::move(element));
    out_->heard.clear();
}

std::string PeerServer::open(const std::string& local) {
    collect();
    out_ = connect_to(network_, executor_, 5269);
    if (!out_) return domain_ + " cannot connect";
    out_local_ = local;
    const auto expect = [&](std::string_view name) {
        executor_.run_until_idle();
        if (out_->heard.empty()) return domain_ + " hears nothing where <" + std::string(name) + "/> should come";
        const auto element = std::move(out_->heard.front());
        out_->heard.pop_front();
        return element.name() == name ? std::string{} : domain_ + " hears " + xml::to_string(element, xmpp::ns::server);
    };
    const auto header = header_of(xmpp::ns::server, domain_, local);
    out_->say(header);
    if (auto bad = expect("features"); !bad.empty()) return bad;
    out_->say("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    if (auto bad = expect("proceed"); !bad.empty()) return bad;
    out_->secure(Role::client);
    out_->say(header);
    if (auto bad = expect("features"); !bad.empty()) return bad;
    if (shares_) out_->say("<bidi xmlns='urn:xmpp:bidi'/>");
    out_->say("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>" +
              xmpp::external_initial_response(domain_) + "</auth>");
    if (auto bad = expect("success"); !bad.empty()) return bad;
    out_->begin_anew();
    out_->on_element = [end = out_.get()](const xml::Element& element) {
        const auto answer = answer_to_ping(element);
        if (!answer.empty()) end->say(answer);
        return !answer.empty();
    };
    out_->say(header);
    return expect("features");
}

std::string PeerServer::say(std::string_view bytes, const std::string& local) {
    if (is_closed() || out_local_ != local)
        if (auto bad = open(local); !bad.empty()) return bad;
    out_->say(bytes);
    executor_.run_until_idle();
    return {};
}

void PeerServer::stop_reading(bool stop) {
    for (const auto& end : in_) end->stop_reading(stop);
    if (out_) out_->stop_reading(stop);
    executor_.run_until_idle();
}

void PeerServer::drop() {
    collect();
    for (const auto& end : in_) end->drop();
    if (out_) out_->drop();
    executor_.run_until_idle();
}

}  // namespace parley::test
