#include "sip/dialog.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "sip/header/cseq.hpp"
#include "sip/limits.hpp"

namespace parley::sip {
namespace {

Result<std::vector<std::string>> record_route(const Message& message) {
    const auto values = parse_name_addrs(message.headers(HeaderId::record_route));
    if (!values) return values.error();
    if (values->size() > limit::route_set) return Error{Errc::too_long, "route set"};
    std::vector<std::string> uris;
    for (const auto& value : *values) uris.push_back(value.uri.text());
    return uris;
}

Result<Uri> contact_of(const Message& message) {
    const auto values = parse_name_addrs(message.headers(HeaderId::contact));
    if (!values) return values.error();
    if (values->size() != 1 || !values->front().uri.is_sip()) return Error{Errc::malformed, "not one Contact"};
    return values->front().uri;
}

}  // namespace

std::string LocalName::sent_by() const {
    return std::string(tls ? "SIP/2.0/TLS " : "SIP/2.0/TCP ") + host + (port == 0 ? "" : ":" + std::to_string(port));
}

std::string LocalName::contact() const {
    return "<sip:" + host + (port == 0 ? "" : ":" + std::to_string(port)) + ";transport=" + (tls ? "tls>" : "tcp>");
}

std::uint32_t Dialog::limit_block() {
    return limit::cseq_block;
}

Result<Dialog> Dialog::as_uas(const Message& request, std::string local_tag, const LocalName& name) {
    const auto& from = request.from();
    const auto& to = request.to();
    const auto cseq = parse_cseq(request.header(HeaderId::cseq));
    if (!from || !to || !cseq) return Error{Errc::malformed, "From, To or CSeq"};
    if (from->tag().empty()) return Error{Errc::malformed, "From without a tag"};
    auto target = contact_of(request);
    if (!target) return target.error();
    auto routes = record_route(request);
    if (!routes) return routes.error();
    Dialog dialog;
    dialog.call_id_ = std::string(request.header(HeaderId::call_id));
    dialog.local_tag_ = std::move(local_tag);
    dialog.remote_tag_ = std::string(from->tag());
    dialog.local_uri_ = to->uri;
    dialog.remote_uri_ = from->uri;
    dialog.remote_target_ = *std::move(target);
    dialog.route_set_ = *std::move(routes);  // 12.1.1: in their order
    dialog.remote_domain_ = to_lower(from->uri.host());
    dialog.name_ = name;
    dialog.remote_cseq_ = cseq->number;
    return dialog;
}

Dialog Dialog::as_uac(std::string call_id, std::string local_tag, const Uri& local, const Uri& remote,
                      const LocalName& name, std::string remote_domain) {
    Dialog dialog;
    dialog.call_id_ = std::move(call_id);
    dialog.local_tag_ = std::move(local_tag);
    dialog.local_uri_ = local;
    dialog.remote_uri_ = remote;
    dialog.remote_target_ = remote;
    dialog.remote_domain_ = std::move(remote_domain);
    dialog.name_ = name;
    dialog.reserved_ = limit::cseq_block;  // a dialog that is not stored yet cannot come back with a lower number
    return dialog;
}

Result<void> Dialog::learn(const Message& message) {
    const auto& peer = message.is_request() ? message.from() : message.to();
    if (!peer || peer->tag().empty()) return Error{Errc::malformed, "the peer's tag is missing"};
    if (confirmed()) return {};
    auto routes = record_route(message);
    if (!routes) return routes.error();
    if (!message.is_request()) std::reverse(routes->begin(), routes->end());  // 12.1.2
    remote_tag_ = std::string(peer->tag());
    route_set_ = *std::move(routes);
    refresh_target(message);
    return {};
}

bool Dialog::accept_cseq(std::uint32_t number) {
    if (remote_cseq_ != 0 && number <= remote_cseq_) return false;
    remote_cseq_ = number;
    return true;
}

void Dialog::refresh_target(const Message& message) {
    if (auto target = contact_of(message)) remote_target_ = *std::move(target);
}

Message Dialog::request(std::string_view method) {
    return std::as_const(*this).request(method, ++local_cseq_);
}

Message Dialog::request(std::string_view method, std::uint32_t cseq) const {
    const auto is_loose = [](const std::string& route) {
        const auto uri = Uri::parse(route);
        return uri && uri->param("lr").has_value();
    };
    const bool strict = !route_set_.empty() && !is_loose(route_set_.front());
    auto message = Message::request(method, strict ? route_set_.front() : remote_target_.text());
    for (std::size_t i = strict ? 1 : 0; i < route_set_.size(); ++i)
        message.add(HeaderId::route, "<" + route_set_[i] + ">");
    if (strict) message.add(HeaderId::route, "<" + remote_target_.text() + ">");
    message.add(HeaderId::max_forwards, "70");
    message.add(HeaderId::from, "<" + local_uri_.text() + ">;tag=" + local_tag_);
    message.add(HeaderId::to, "<" + remote_uri_.text() + ">" + (confirmed() ? ";tag=" + remote_tag_ : ""));
    message.add(HeaderId::call_id, call_id_);
    message.add(HeaderId::cseq, std::to_string(cseq) + " " + std::string(method));
    return message;
}

void Dialog::fill(DialogRecord& record) const {
    record.call_id = call_id_;
    record.local_tag = local_tag_;
    record.remote_tag = remote_tag_;
    record.local_uri = local_uri_.text();
    record.remote_uri = remote_uri_.text();
    record.local_domain = name_.domain;
    record.remote_domain = remote_domain_;
    record.remote_target = remote_target_.text();
    record.route_set = route_set_;
    record.local_cseq = reserved_;
    record.remote_cseq = remote_cseq_;
    record.tls = name_.tls;
}

Result<Dialog> Dialog::restored(const DialogRecord& record, LocalName name) {
    auto local = Uri::parse(record.local_uri);
    auto remote = Uri::parse(record.remote_uri);
    auto target = Uri::parse(record.remote_target);
    if (!local || !remote || !target) return Error{Errc::malformed, "dialog record: URI"};
    Dialog dialog;
    dialog.call_id_ = record.call_id;
    dialog.local_tag_ = record.local_tag;
    dialog.remote_tag_ = record.remote_tag;
    dialog.local_uri_ = *std::move(local);
    dialog.remote_uri_ = *std::move(remote);
    dialog.remote_target_ = *std::move(target);
    dialog.route_set_ = record.route_set;
    dialog.remote_domain_ = record.remote_domain;
    dialog.name_ = std::move(name);
    // What of the block was used nobody knows; gaps are allowed, going back is not (12.2.1.1).
    dialog.local_cseq_ = dialog.reserved_ = record.local_cseq;
    dialog.remote_cseq_ = record.remote_cseq;
    return dialog;
}

}  // namespace parley::sip
