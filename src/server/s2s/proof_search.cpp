#include "server/s2s/proof_search.hpp"

#include <algorithm>
#include <atomic>

#include "net/srv.hpp"
#include "server/s2s/posh.hpp"

namespace parley::server {
namespace {

constexpr std::size_t most_targets = 8;  // whose TLSA records are asked for

std::atomic<int> running{0};

}  // namespace

ProofSearch::ProofSearch(Question question, Found found) : question_(std::move(question)), found_(std::move(found)) {
    ++running;
}

ProofSearch::~ProofSearch() {
    --running;
}

std::shared_ptr<ProofSearch> ProofSearch::start(Question question, Found found) {
    std::shared_ptr<ProofSearch> search(new ProofSearch(std::move(question), std::move(found)));
    auto& executor = search->question_.executor;
    if (running > most_at_once) {
        executor.post([weak = std::weak_ptr(search)] {
            if (const auto self = weak.lock())
                self->finish({ProvenBy::nothing, false, "too many certificates are being looked up at the moment"});
        });
        return search;
    }
    search->deadline_ = executor.after(patience, [self = search.get()] {
        self->finish(self->against_.value_or(CertificateJudgement{
            ProvenBy::nothing, false, "what it publishes of its certificate was not found in time"}));
    });
    executor.post([weak = std::weak_ptr(search)] {
        if (const auto self = weak.lock(); self && self->found_) self->ask_srv();
    });
    return search;
}

void ProofSearch::ask_srv() {
    if (!question_.dnssec) return ask_posh();
    open_questions_ = 2;
    for (const auto* prefix : {"_xmpp-server._tcp.", "_xmpps-server._tcp."})
        question_.network.resolve_srv(question_.executor, prefix + question_.domain,
                                      [weak = weak_from_this()](const Result<net::DnsAnswer<net::SrvRecord>>& answer) {
                                          if (const auto self = weak.lock()) self->srv_answered(answer);
                                      });
}

void ProofSearch::srv_answered(const Result<net::DnsAnswer<net::SrvRecord>>& answer) {
    if (!found_) return;
    if (!answer && answer.error().code == Errc::forbidden)
        against_ = CertificateJudgement{ProvenBy::nothing, true, answer.error().detail};
    if (answer && answer->secure && !net::decidedly_absent(answer->records))
        for (const auto& record : answer->records) {
            const bool known = std::any_of(targets_.begin(), targets_.end(), [&](const SecureTarget& target) {
                return target.host == record.target && target.port == record.port;
            });
            if (!known && targets_.size() < most_targets) targets_.push_back({record.target, record.port});
        }
    if (--open_questions_ > 0) return;
    if (against_) return finish(*against_);
    targets_.empty() ? ask_posh() : ask_tlsa();
}

void ProofSearch::ask_tlsa() {
    open_questions_ = static_cast<int>(targets_.size());
    for (const auto& target : targets_)
        question_.network.resolve_tlsa(
            question_.executor, net::tlsa_name(target.host, target.port),
            [weak = weak_from_this(), target](Result<net::DnsAnswer<net::TlsaRecord>> answer) {
                if (const auto self = weak.lock()) self->tlsa_answered(target, std::move(answer));
            });
}

void ProofSearch::tlsa_answered(SecureTarget target, Result<net::DnsAnswer<net::TlsaRecord>> answer) {
    if (!found_) return;
    if (!answer && answer.error().code == Errc::forbidden)
        against_ = CertificateJudgement{ProvenBy::nothing, true, answer.error().detail};
    if (answer && answer->secure) target.tlsa = net::usable(std::move(answer->records));
    if (!target.tlsa.empty()) {
        auto judgement = judge_by_tlsa(question_.connection, *question_.context, question_.domain, target, true);
        if (judgement.by != ProvenBy::nothing) return finish(std::move(judgement));
        against_ = std::move(judgement);
    }
    if (--open_questions_ > 0) return;
    against_ ? finish(*against_) : ask_posh();
}

void ProofSearch::ask_posh() {
    if (question_.posh == nullptr) return finish({});
    question_.posh->find(
        question_.executor, question_.domain,
        [weak = weak_from_this()](const Result<PoshDocuments::Document>& document) {
            const auto self = weak.lock();
            if (!self || !self->found_) return;
            self->finish(judge_by_posh(self->question_.connection, self->question_.domain, document, {}));
        });
}

void ProofSearch::finish(CertificateJudgement judgement) {
    const auto self = shared_from_this();  // `found_` may drop the last other owner
    deadline_.cancel();
    if (const auto found = std::exchange(found_, nullptr)) found(std::move(judgement));
}

}  // namespace parley::server
