#include "bench/load/sip_fleet.hpp"

#include <charconv>
#include <stdexcept>
#include <utility>

#include "bench/load/report.hpp"

namespace parley::bench {
namespace {

constexpr auto connect_limit = std::chrono::seconds{10};
constexpr auto register_limit = std::chrono::seconds{60};
constexpr std::string_view call_id_end = "@bench";

void field(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
}

void content(std::string& out, std::string_view type, std::string_view body) {
    if (!type.empty()) field(out, "Content-Type", type);
    field(out, "Content-Length", std::to_string(body.size()));
    out.append("\r\n").append(body);
}

unsigned leading_number(std::string_view text) {
    unsigned value = 0;
    return std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc{} ? value : ~0U;
}

}  // namespace

SipFleet::SipFleet(const Options& options)
    : Fleet(options),
      client_(sip_client_context(options.certificate, options.key)),
      server_(server_context(options.certificate, options.key)) {}

void SipFleet::open_link() {
    const auto accepted = [](void* owner, int fd) { static_cast<SipFleet*>(owner)->accept(fd); };
    listener_ = std::make_unique<SipListener>(loop_, options_.sip_listen, this, accepted);
    links_.push_back(std::make_unique<SipLink>(loop_, *this));
    links_.front()->connect(options_.sip_port, client_.get(), ("sip." + options_.server.domain).c_str());
    if (!loop_.run_until([this] { return links_.front()->ready() || !first_error().empty(); },
                         SteadyClock::now() + connect_limit) ||
        !links_.front()->ready())
        throw std::runtime_error("no SIP connection: " + first_error());
}

void SipFleet::accept(int fd) {
    links_.push_back(std::make_unique<SipLink>(loop_, *this));
    links_.back()->adopt(fd, server_.get());
}

void SipFleet::on_sip_closed(SipLink&, std::string_view why) {
    strange(why);
}

void SipFleet::bring_up_users(bool stream_management) {
    if (!options_.sip_users) {
        for (unsigned i = 0; i < options_.sessions; ++i) {
            auto user = setup(i);
            user.stream_management = stream_management;
            add(user);
        }
        bring_up(all());
    }
    open_link();
    if (options_.sip_users) register_users();
}

void SipFleet::register_users() {
    published_.resize(options_.sessions);
    for (unsigned i = 0; i < options_.sessions; ++i) {
        Dialog dialog = new_dialog(i, 0);
        dialog.ours = dialog.theirs + ";tag=r" + std::to_string(i);
        dialog.target = "sip:" + options_.server.domain;
        request(dialog, "REGISTER", "Contact: " + contact(bare(i)) + "\r\nExpires: 3600\r\n");
    }
    if (!loop_.run_until([this] { return registered_ == options_.sessions || strange_ != 0; },
                         SteadyClock::now() + register_limit) ||
        strange_ != 0)
        throw std::runtime_error("users do not register: " + first_error());
}

// Where there are SIP users, the server looks up no names: all addresses of ours lead to our listener.
std::string SipFleet::contact(const std::string& address) const {
    if (!options_.sip_users) return "<sip:" + address + ";transport=tls>";
    return "<sip:" + address.substr(0, address.find('@')) + "@127.0.0.1:" + std::to_string(options_.sip_listen) +
           ";transport=tls>";
}

SipFleet::Dialog SipFleet::new_dialog(unsigned index, std::uint64_t round) const {
    Dialog dialog;
    dialog.index = index;
    dialog.call_id = std::to_string(index) + '-' + std::to_string(round) + '-' + run_;
    dialog.call_id += call_id_end;
    dialog.ours = "<sip:" + person(index) + ">;tag=b" + std::to_string(index) + '-' + std::to_string(round);
    dialog.theirs = "<sip:" + bare(index) + '>';
    dialog.target = "sip:" + bare(index);
    return dialog;
}

void SipFleet::learn(Dialog& dialog, const SipMessage& message, std::string_view their_field) {
    dialog.theirs = message.header(their_field);
    const auto contact = message.header("Contact");
    const auto open = contact.find('<');
    if (open != std::string_view::npos) dialog.target = contact.substr(open + 1, contact.find('>') - open - 1);
}

void SipFleet::request(Dialog& dialog, std::string_view method, std::string_view fields, std::string_view type,
                       std::string_view body) {
    const auto cseq = std::to_string(++dialog.cseq);
    text_.assign(method).append(" ").append(dialog.target).append(" SIP/2.0\r\n");
    text_.append("Via: SIP/2.0/TLS 127.0.0.1:")
        .append(std::to_string(options_.sip_listen))
        .append(";branch=z9hG4bK-")
        .append(dialog.call_id, 0, dialog.call_id.size() - call_id_end.size())
        .append("-")
        .append(cseq)
        .append("\r\nMax-Forwards: 70\r\n");
    field(text_, "From", dialog.ours);
    field(text_, "To", dialog.theirs);
    field(text_, "Call-ID", dialog.call_id);
    text_.append("CSeq: ").append(cseq).append(" ").append(method).append("\r\n");
    if (method == "INVITE" || method == "SUBSCRIBE") field(text_, "Contact", contact(person(dialog.index)));
    text_.append(fields);
    content(text_, type, body);
    links_.front()->send(text_);
}

void SipFleet::ack(const Dialog& dialog) {
    text_.assign("ACK ").append(dialog.target).append(" SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:1;branch=z9hG4bK-a");
    text_.append(dialog.call_id, 0, dialog.call_id.size() - call_id_end.size()).append("\r\nMax-Forwards: 70\r\n");
    field(text_, "From", dialog.ours);
    field(text_, "To", dialog.theirs);
    field(text_, "Call-ID", dialog.call_id);
    text_.append("CSeq: ").append(std::to_string(dialog.cseq)).append(" ACK\r\n");
    content(text_, {}, {});
    links_.front()->send(text_);
}

void SipFleet::answer(SipLink& link, const SipMessage& request, std::string_view status, std::string_view fields,
                      std::string_view type, std::string_view body) {
    text_.assign("SIP/2.0 ").append(status).append("\r\n");
    text_.append(request.vias());
    for (const std::string_view name : {"From", "Call-ID", "CSeq"}) field(text_, name, request.header(name));
    field(text_, "To", request.header("To"));
    if (request.tag("To").empty()) text_.insert(text_.size() - 2, ";tag=b" + std::string(request.tag("From")));
    text_.append(fields);
    content(text_, type, body);
    link.send(text_);
}

unsigned SipFleet::index_of(const SipMessage& message) const {
    const auto call_id = message.header("Call-ID");
    return call_id.find('-' + run_) != std::string_view::npos ? leading_number(call_id) : ~0U;
}

bool SipFleet::is_for_user(const SipMessage& message) const {
    const auto method = message.method();
    if (message.is_response()) return method == "REGISTER" || method == "PUBLISH";
    return options_.sip_users && method != "NOTIFY";
}

void SipFleet::on_sip(SipLink& link, const SipMessage& message) {
    // A server that keeps its dialogs over a restart goes on with those of the run before, which we do not know.
    const auto method = message.method();
    if (!message.is_response() && (method == "NOTIFY" || method == "BYE") && index_of(message) == ~0U)
        return answer(link, message, "481 Call/Transaction Does Not Exist");
    if (is_for_user(message)) return on_user_sip(link, message);
    on_partner_sip(link, message);
}

void SipFleet::on_user_sip(SipLink& link, const SipMessage& message) {
    const auto index = index_of(message);
    if (index >= options_.sessions) return strange(message.head);
    const auto method = message.method();
    if (message.is_response()) {
        if (message.status() < 200) return;
        if (message.status() != 200) return strange(message.head);
        if (method == "REGISTER") ++registered_;
        if (method == "PUBLISH") {
            auto& publication = published_[index];
            publication.entity_tag = message.header("SIP-ETag");
            publication.under_way = false;
            if (!publication.next.empty()) publish(index, std::exchange(publication.next, {}));
        }
    } else if (method == "INVITE") {
        answer(link, message, "200 OK", "Contact: " + contact(bare(index)) + "\r\n", "application/sdp", offer());
    } else if (method != "ACK") {
        answer(link, message, "200 OK");
        if (method == "MESSAGE") on_user_text(index, message.body);
    }
}

void SipFleet::publish(unsigned index, const std::string& text) {
    auto& publication = published_[index];
    if (std::exchange(publication.under_way, true)) {
        publication.next = text;
        return;
    }
    Dialog dialog = new_dialog(index, ++publications_);
    dialog.ours = dialog.theirs + ";tag=p" + std::to_string(publications_);
    std::string fields = "Event: presence\r\nExpires: 3600\r\n";
    if (!publication.entity_tag.empty()) fields += "SIP-If-Match: " + publication.entity_tag + "\r\n";
    request(dialog, "PUBLISH", fields, "application/pidf+xml",
            "<?xml version=\"1.0\"?><presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"sip:" + bare(index) +
                "\"><tuple id=\"t\"><status><basic>open</basic></status><note>" + text + "</note></tuple></presence>");
}

std::string SipFleet::offer() const {
    return "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=session\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
           "m=message 5060 sip null\r\na=accept-types:text/plain\r\n";
}

int SipFleet::report(const Mark& before, const Mark& after, std::uint64_t operations, std::uint64_t lost) {
    const double seconds = std::chrono::duration<double>(after.when - before.when).count();
    const auto count = static_cast<double>(operations);
    const auto server = after.server - before.server;
    Report line(options_);
    line.add("messages", count).add("seconds", seconds).add("messages_per_second", count / seconds);
    line.add("lost", static_cast<double>(lost)).add("doubled", static_cast<double>(doubled_));
    line.add("reordered", static_cast<double>(reordered_)).add("strange", static_cast<double>(strange_));
    line.add("cpu_us", count > 0 ? server.cpu_us / count : -1).add("server_cpu_share", server.cpu_us / seconds / 1e6);
    line.add("client_cpu_us", count > 0 ? (after.own_cpu_us - before.own_cpu_us) / count : -1);
    line.add("rss_kib", static_cast<double>(after.server.rss_kib));
    if (!first_error().empty()) line.add("error", first_error());
    line.print();
    return lost + doubled_ + reordered_ + strange_ + broken() == 0 && operations > 0 ? 0 : 1;
}

}  // namespace parley::bench
