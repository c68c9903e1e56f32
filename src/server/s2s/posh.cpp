#include "server/s2s/posh.hpp"

#include <algorithm>

#include "net/peer_certificate.hpp"

namespace parley::server {
namespace {

constexpr int most_requests = 3;  // of one domain: its document, a redirect, what the document refers to
constexpr std::string_view path = "/.well-known/posh/xmpp-server.json";  // RFC 7712 5.2

bool is_redirect(unsigned status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

PoshDocuments::PoshDocuments(net::Network& network, Executor& executor, Context context)
    : network_(network), executor_(executor), context_(std::move(context)) {}

PoshDocuments::~PoshDocuments() = default;

void PoshDocuments::shut_down() {
    ended_ = true;
    domains_.clear();
}

void PoshDocuments::find(Executor& asker, const std::string& domain, Function<void(Result<Document>)> found) {
    executor_.post(
        [this, domain, asker = Asker{&asker, std::move(found)}]() mutable { look_up(domain, std::move(asker)); });
}

void PoshDocuments::look_up(const std::string& name, Asker asker) {
    const auto answer = [&](Result<Document> result) {
        asker.executor->post(
            [found = std::move(asker.found), result = std::move(result)]() mutable { found(std::move(result)); });
    };
    if (ended_) return answer(Error{Errc::closed, "the server ends"});
    const auto url = net::parse_https_url("https://" + name + std::string(path));
    if (!url) return answer(Error{Errc::not_found, name + " is no name of a web server"});
    const auto known = domains_.find(name);
    const bool under_way = known != domains_.end() && known->second.get;
    if (known != domains_.end() && !under_way && executor_.clock().now() < known->second.until)
        return answer(known->second.result);
    if (waiting_ >= most_waiting || (!under_way && asking_ >= most_at_once))
        return answer(Error{Errc::too_long, "too many web servers are being asked at the moment"});
    ++waiting_;
    auto& domain = domains_[name];
    domain.askers.push_back(std::move(asker));
    if (under_way) return;
    ++asking_;
    domain.requests_left = most_requests;
    domain.by_reference = false;
    domain.expires = longest;
    domain.deadline = executor_.after(patience, [this, name] {
        domains_[name].get.reset();
        settle(name, Error{Errc::timed_out, "no answer in time"}, after_failure);
    });
    ask(name, *url);
}

void PoshDocuments::ask(const std::string& name, const net::HttpsUrl& url) {
    auto& domain = domains_[name];
    const auto context = context_();
    if (!context) return settle(name, Error{Errc::not_found, "web servers are not asked here"}, Seconds{0});
    --domain.requests_left;
    domain.get = net::HttpsGet::start(network_, executor_, context, url, [this, name](Result<net::HttpAnswer> answer) {
        answered(name, std::move(answer));
    });
}

void PoshDocuments::answered(const std::string& name, Result<net::HttpAnswer> answer) {
    auto& domain = domains_[name];
    const auto over = std::move(domain.get);  // whose callback this is
    if (!answer) return settle(name, answer.error(), after_failure);
    if (is_redirect(answer->status)) return follow(name, answer->location);
    if (answer->status == 404 || answer->status == 410)
        return settle(name, Error{Errc::not_found, name + " has no POSH document"}, after_failure);
    if (answer->status != 200)
        return settle(name, Error{Errc::closed, "the web server says " + std::to_string(answer->status)},
                      after_failure);
    auto document = parse_posh(answer->body);
    if (!document) return settle(name, document.error(), after_failure);
    domain.expires = std::min(domain.expires, document->expires);
    if (!document->is_reference()) {
        const auto keep = std::clamp(domain.expires, shortest, longest);
        return settle(name, std::make_shared<const PoshDocument>(*std::move(document)), keep);
    }
    if (std::exchange(domain.by_reference, true))
        return settle(name, Error{Errc::malformed, "its document refers to another reference"}, after_failure);
    follow(name, document->url);
}

// RFC 7711 10: to https only, and not for ever.
void PoshDocuments::follow(const std::string& name, const std::string& url) {
    const auto next = net::parse_https_url(url);
    if (!next) return settle(name, Error{Errc::malformed, "it refers to what is no https address"}, after_failure);
    if (domains_[name].requests_left == 0)
        return settle(name, Error{Errc::malformed, "it leads from one place to another"}, after_failure);
    ask(name, *next);
}

void PoshDocuments::settle(const std::string& name, Result<Document> result, Seconds keep) {
    auto& domain = domains_[name];
    --asking_;
    domain.deadline.cancel();
    if (!result) result = Error{result.error().code, "POSH of " + name + ": " + result.error().detail};
    domain.result = result;
    domain.until = executor_.clock().now() + keep;
    auto askers = std::exchange(domain.askers, {});
    waiting_ -= askers.size();
    for (auto& asker : askers)
        asker.executor->post([found = std::move(asker.found), result]() mutable { found(std::move(result)); });
    make_room();
}

void PoshDocuments::make_room() {
    if (domains_.size() <= most_kept) return;
    const auto now = executor_.clock().now();
    std::erase_if(domains_, [&](const auto& entry) { return !entry.second.get && entry.second.until <= now; });
    while (domains_.size() > most_kept) {  // the one that would have to be asked again soonest
        const auto first = std::min_element(domains_.begin(), domains_.end(), [](const auto& a, const auto& b) {
            return std::pair(a.second.get != nullptr, a.second.until) <
                   std::pair(b.second.get != nullptr, b.second.until);
        });
        if (first->second.get) return;
        domains_.erase(first);
    }
}

CertificateJudgement judge_by_posh(const net::Connection& connection, const std::string& domain,
                                   const Result<PoshDocuments::Document>& document,
                                   const CertificateJudgement& before) {
    const auto unproven = [&](const std::string& why) {
        return CertificateJudgement{ProvenBy::nothing, false,
                                    before.problem.empty() ? why : before.problem + "; " + why};
    };
    if (!document) return unproven(document.error().detail);
    const auto shown = connection.peer_certificates();
    if (shown.empty()) return unproven(domain + " showed no certificate");
    if (!(*document)->names(shown.front()))
        return unproven("the POSH document of " + domain + " has the fingerprint of another certificate");
    if (const auto wrong = net::date_problem(shown.front()); !wrong.empty())
        return unproven("POSH names the certificate of " + domain + ", but " + wrong);
    return {ProvenBy::posh};
}

}  // namespace parley::server
