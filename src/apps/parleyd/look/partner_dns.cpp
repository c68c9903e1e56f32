#include "apps/parleyd/look/partner_dns.hpp"

#include <algorithm>

#include "net/srv.hpp"

namespace parley::look {
namespace {

using admin::Message;
using admin::MessageId;

constexpr std::size_t most_hosts = 8, most_records_shown = 16;
constexpr std::int64_t slow = 1'000;  // milliseconds

std::string text_of(const net::SrvRecord& record) {
    return std::to_string(record.priority) + ' ' + std::to_string(record.weight) + ' ' + std::to_string(record.port) +
           ' ' + record.target;
}

bool is_inside(const std::string& host, const std::string& domain) {
    return host == domain || host.ends_with('.' + domain);
}

}  // namespace

std::shared_ptr<PartnerDns> PartnerDns::start(const Parts& parts, Question question, Done done) {
    std::shared_ptr<PartnerDns> look(new PartnerDns(parts, std::move(question), std::move(done)));
    look->ask_services();
    return look;
}

void PartnerDns::ask_services() {
    since_ = parts_.executor.clock().now();
    services_.resize(question_.names.size());
    open_ = services_.size();
    for (std::size_t i = 0; i < services_.size(); ++i)
        parts_.network.resolve_srv(parts_.executor, question_.names[i],
                                   [weak = weak_from_this(), i](Result<net::DnsAnswer<net::SrvRecord>> answer) {
                                       const auto self = weak.lock();
                                       if (!self) return;
                                       self->services_[i] = {std::move(answer), self->since_then()};
                                       if (--self->open_ == 0) self->ask_hosts();
                                   });
    if (open_ == 0) ask_hosts();
}

void PartnerDns::ask_hosts() {
    bool published = false;
    std::vector<std::string> names;
    for (const auto& service : services_) {
        if (!service.answer || service.answer->records.empty()) continue;
        published = true;
        if (net::decidedly_absent(service.answer->records)) continue;
        for (const auto& record : service.answer->records) names.push_back(record.target);
    }
    found_.fell_back = !published;
    if (!published) names.push_back(question_.domain);
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    if (names.size() > most_hosts) names.resize(most_hosts);
    for (auto& name : names) hosts_.push_back({std::move(name)});
    since_ = parts_.executor.clock().now();
    open_ = hosts_.size();
    if (open_ == 0) return finish();
    for (std::size_t i = 0; i < hosts_.size(); ++i)
        parts_.network.resolve_host(parts_.executor, hosts_[i].name,
                                    [weak = weak_from_this(), i](Result<net::DnsAnswer<std::string>> answer) {
                                        const auto self = weak.lock();
                                        if (!self) return;
                                        self->hosts_[i].answer = std::move(answer);
                                        self->hosts_[i].millis = self->since_then();
                                        if (--self->open_ == 0) self->finish();
                                    });
}

void PartnerDns::finish() {
    auto& report = found_.report;
    for (std::size_t i = 0; i < services_.size(); ++i) say_service(question_.names[i], services_[i]);
    const bool works = std::any_of(hosts_.begin(), hosts_.end(),
                                   [](const auto& host) { return host.answer && !host.answer->records.empty(); });
    if (found_.fell_back)
        report.add("dns", question_.domain, Verdict::note, {"test.dns-fall-back", {question_.fall_back_port}});
    for (const auto& host : hosts_) say_host(host, works);
    // DNS that says nothing explains more than what is made of its silence.
    const auto is = [](MessageId id) {
        return [id](const auto& finding) { return finding.what.id == id && finding.verdict != Verdict::good; };
    };
    for (const MessageId id :
         {MessageId("test.dns-bogus"), MessageId("test.dns-silent"), MessageId("test.dns-not-offered"),
          MessageId("test.dns-alias-dead"), MessageId("test.dns-no-address")}) {
        const auto at = std::find_if(report.findings.begin(), report.findings.end(), is(id));
        if (at == report.findings.end() || (found_.fell_back && id == MessageId("test.dns-no-address"))) continue;
        found_.culprit = static_cast<std::size_t>(at - report.findings.begin());
        break;
    }
    const auto self = shared_from_this();
    if (auto done = std::exchange(done_, nullptr)) done(std::move(found_));
}

void PartnerDns::say_service(const std::string& name, const Service& service) {
    auto& report = found_.report;
    const auto& answer = service.answer;
    if (!answer && answer.error().code == Errc::forbidden)
        return report.add("dns", name, Verdict::warning, {"test.dns-bogus", {answer.error().detail}},
                          Message{"fix.their-dnssec", {}}, service.millis);
    if (!answer)
        return report.add("dns", name, Verdict::warning, {"test.dns-silent", {answer.error().detail}},
                          Message{"fix.our-dns", {}}, service.millis);
    if (answer->records.empty())
        report.add("dns", name, Verdict::note, {"test.dns-no-record", {}}, {}, service.millis);
    else if (net::decidedly_absent(answer->records))
        report.add("dns", name, Verdict::note, {"test.dns-not-offered", {}}, Message{"fix.their-srv", {name}},
                   service.millis);
    else
        for (std::size_t i = 0; i < std::min(answer->records.size(), most_records_shown); ++i) {
            const auto& record = answer->records[i];
            report.add("dns", name, Verdict::good, {"test.dns-records", {text_of(record)}}, {}, service.millis);
            if (question_.hosts_inside && !is_inside(record.target, question_.domain))
                report.add("dns", name, Verdict::warning, {"test.dns-outside", {question_.domain}},
                           Message{"fix.next-hop", {record.target + ':' + std::to_string(record.port)}});
        }
    if (service.millis > slow)
        report.add("dns", name, Verdict::warning, {"test.dns-slow", {std::to_string(service.millis)}},
                   Message{"fix.our-dns", {}});
}

void PartnerDns::say_host(const Host& host, bool others_work) {
    auto& report = found_.report;
    const auto& answer = host.answer;
    // One that fails beside others that work is a warning; alone it becomes the reason.
    const auto failed = others_work ? Verdict::warning : Verdict::note;
    if (!answer && answer.error().code == Errc::forbidden)
        return report.add("dns", host.name, failed, {"test.dns-bogus", {answer.error().detail}},
                          Message{"fix.their-dnssec", {}}, host.millis);
    if (!answer)
        return report.add("dns", host.name, failed, {"test.dns-silent", {answer.error().detail}},
                          Message{"fix.our-dns", {}}, host.millis);
    if (answer->records.empty()) {
        if (answer->alias_of.empty())
            return report.add("dns", host.name, failed, {"test.dns-no-address", {}},
                              Message{"fix.their-address", {host.name}}, host.millis);
        return report.add("dns", host.name, failed, {"test.dns-alias-dead", {answer->alias_of}},
                          Message{"fix.their-alias", {answer->alias_of}}, host.millis);
    }
    std::string all;
    for (std::size_t i = 0; i < std::min(answer->records.size(), most_records_shown); ++i)
        all += (all.empty() ? "" : ", ") + answer->records[i];
    report.add("dns", host.name, Verdict::good, {"test.dns-address", {all}}, {}, host.millis);
    if (!answer->alias_of.empty() && !found_.fell_back)
        report.add("dns", host.name, Verdict::warning, {"test.dns-alias", {answer->alias_of}},
                   Message{"fix.their-alias", {answer->alias_of}});
    if (host.millis > slow)
        report.add("dns", host.name, Verdict::warning, {"test.dns-slow", {std::to_string(host.millis)}},
                   Message{"fix.our-dns", {}});
}

}  // namespace parley::look
