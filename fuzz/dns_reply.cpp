// What DNS says about a partner, down to the addresses that are tried: the bytes of SRV records, their order, the
// search for targets that it leads to. An input is records, each a byte of length and its bytes.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "net/resolver.hpp"
#include "net/srv.hpp"
#include "server/s2s/targets.hpp"
#include "tests/support/fake_executor.hpp"
#include "tests/support/memory_network.hpp"

namespace {

using namespace parley;

void must(bool holds) {
    if (!holds) std::abort();
}

std::string rdata_of(const net::SrvRecord& record) {
    std::string bytes;
    for (const auto number : {record.priority, record.weight, record.port}) {
        bytes += static_cast<char>(number >> 8);
        bytes += static_cast<char>(number & 0xFF);
    }
    std::string_view target = record.target == "." ? std::string_view{} : std::string_view(record.target);
    while (!target.empty()) {
        const auto dot = target.find('.');
        const auto label = target.substr(0, dot);
        bytes += static_cast<char>(label.size());
        bytes += label;
        target = dot == std::string_view::npos ? std::string_view{} : target.substr(dot + 1);
    }
    return bytes + '\0';
}

std::vector<net::SrvRecord> records_of(std::string_view input) {
    std::vector<net::SrvRecord> records;
    while (!input.empty()) {
        const auto length = std::min<std::size_t>(static_cast<unsigned char>(input.front()), input.size() - 1);
        const auto rdata = input.substr(1, length);
        input.remove_prefix(1 + length);
        if (auto record = net::parse_srv(rdata)) {
            must(rdata_of(*record) == rdata);
            records.push_back(*std::move(record));
        }
    }
    return records;
}

void check_order(const std::vector<net::SrvRecord>& records, Random& random) {
    auto ordered = net::in_order_of_trial(records, random);
    must(std::is_sorted(ordered.begin(), ordered.end(),
                        [](const auto& a, const auto& b) { return a.priority < b.priority; }));
    must(ordered.size() <= records.size());
    for (const auto& record : ordered) must(std::find(records.begin(), records.end(), record) != records.end());
}

void search(const std::vector<net::SrvRecord>& records, std::uint8_t how, Random& random) {
    test::FakeExecutor executor;
    test::MemoryNetwork network;
    const bool direct = how & 1;
    network.dns().srv[std::string(direct ? "_xmpps-server" : "_xmpp-server") + "._tcp.partner.example"] = records;
    network.dns().host["partner.example"] = {"192.0.2.7"};
    std::uint8_t last = 0;
    for (const auto& record : records)
        if (++last % 3 != how % 3)
            network.dns().host[record.target] = {"192.0.2." + std::to_string(last), "2001:db8::1"};
    im::DomainRule rule;
    rule.domain = "partner.example";
    if (how & 2) rule.tls = im::TlsPolicy::off;
    int answers = 0;
    const auto running = server::TargetSearch::start(network, executor, random, "partner.example", rule,
                                                     [&](Result<std::deque<server::Target>> found) {
                                                         ++answers;
                                                         must(!found || !found->empty());
                                                         must(!found || found->size() <= 32);
                                                         if (found && net::decidedly_absent(records) && !direct)
                                                             std::abort();
                                                         if (found)
                                                             for (const auto& target : *found)
                                                                 must(!target.endpoint.address.empty());
                                                     });
    executor.run_until([&] { return answers > 0; });
    must(answers == 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1 || size > 4096) return 0;
    const auto records = records_of({reinterpret_cast<const char*>(data) + 1, size - 1});
    SeededRandom random{data[0]};
    check_order(records, random);
    if (records.size() <= 40) search(records, data[0], random);
    return 0;
}
