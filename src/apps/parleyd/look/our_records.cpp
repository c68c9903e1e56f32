#include "apps/parleyd/look/our_records.hpp"

#include <algorithm>

#include "net/identity.hpp"
#include "net/srv.hpp"
#include "net/tls_context.hpp"
#include "server/transport_search.hpp"

namespace parley::look {
namespace {

using admin::Message;

void judge(const Parts& parts, const std::string& from, const std::string& name, const net::SrvRecord& record,
           admin::Report& report) {
    const Message publish{"fix.our-srv", {from}};
    const auto domain = net::to_ascii_domain(from);
    const auto& host = record.target;
    if (host != domain && !host.ends_with('.' + domain))
        report.add("in", name, Verdict::warning, {"test.ours-outside", {name, host, from}}, publish);
    const auto sip = parts.sip();
    const auto own = sip->domains.find(from);
    if (own == sip->domains.end() || !own->second) return;
    const auto& names = own->second->names();
    if (std::none_of(names.begin(), names.end(), [&](const auto& n) { return net::to_ascii_domain(n) == host; }))
        report.add("in", name, Verdict::warning, {"test.ours-name", {host}}, Message{"fix.our-certificate", {host}});
}

}  // namespace

void look_at_our_records(const Parts& parts, const std::string& from, Reported done) {
    const auto name = std::string(srv_prefix(server::Service::sip_federation)) + net::to_ascii_domain(from);
    parts.network.resolve_srv(
        parts.executor, name,
        [parts, from, name, done = std::move(done)](const Result<net::DnsAnswer<net::SrvRecord>>& answer) {
            admin::Report report;
            if (answer && (answer->records.empty() || net::decidedly_absent(answer->records)))
                report.add("in", name, Verdict::warning, {"test.ours-no-record", {name}},
                           Message{"fix.our-srv", {from}});
            else if (answer)
                judge(parts, from, name, answer->records.front(), report);
            done(std::move(report));
        });
}

}  // namespace parley::look
