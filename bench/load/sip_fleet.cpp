#include "bench/load/sip_fleet.hpp"

#include <charconv>
#include <stdexcept>

#include "bench/load/report.hpp"

namespace parley::bench {
namespace {

constexpr auto connect_limit = std::chrono::seconds{10};
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

SessionSetup SipFleet::managed_setup(unsigned index) const {
    auto with_management = setup(index);
    with_management.stream_management = true;
    return with_management;
}

SipFleet::Dialog SipFleet::new_dialog(unsigned index, std::uint64_t round) const {
    Dialog dialog;
    dialog.index = index;
    dialog.call_id = std::to_string(index) + '-' + std::to_string(round).append(call_id_end);
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
    if (method == "INVITE" || method == "SUBSCRIBE")
        text_.append("Contact: <sip:").append(person(dialog.index)).append(";transport=tls>\r\n");
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
    for (const std::string_view name : {"Via", "From", "Call-ID", "CSeq"}) field(text_, name, request.header(name));
    field(text_, "To", request.header("To"));
    if (request.tag("To").empty()) text_.insert(text_.size() - 2, ";tag=b" + std::string(request.tag("From")));
    text_.append(fields);
    content(text_, type, body);
    link.send(text_);
}

unsigned SipFleet::index_of(const SipMessage& message) {
    const auto call_id = message.header("Call-ID");
    return call_id.ends_with(call_id_end) ? leading_number(call_id) : ~0U;
}

unsigned SipFleet::index_of_person(std::string_view address) const {
    const auto at = address.find("sip:" + options_.user_prefix);
    if (at == std::string_view::npos) return ~0U;
    const auto number = leading_number(address.substr(at + 4 + options_.user_prefix.size()));
    return number == ~0U ? number : number - options_.first_user;
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
