#include "net/resolver.hpp"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <map>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "base/text.hpp"
#include "net/loopback_test.hpp"

namespace parley::net {
namespace {

std::string u16(unsigned value) {
    return {static_cast<char>(value >> 8), static_cast<char>(value)};
}

std::string wire_name(const std::string& name) {
    std::string out;
    if (!name.empty() && name != ".") {
        for (const auto label : split(name, '.')) {
            out += static_cast<char>(label.size());
            out += label;
        }
    }
    return out + '\0';
}

// A DNS server for one test: answers what it has been told, "no such name" to the rest, nothing while it is silent.
class DnsServer {
public:
    DnsServer() : fd_(::socket(AF_INET, SOCK_DGRAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), size), 0);
        ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
    }
    ~DnsServer() {
        stopping = true;
        ::shutdown(fd_, SHUT_RDWR);  // wakes recvfrom
        if (thread_.joinable()) thread_.join();
        ::close(fd_);
    }
    void add(const std::string& name, int type, const std::string& rdata) { records_[{name, type}].push_back(rdata); }
    void add_srv(const std::string& name, unsigned priority, unsigned weight, unsigned port,
                 const std::string& target) {
        add(name, 33, u16(priority) + u16(weight) + u16(port) + wire_name(target));
    }
    void start() {
        thread_ = std::thread([this] {
            char buffer[4096];
            sockaddr_in from{};
            for (socklen_t size = sizeof from; !stopping; size = sizeof from) {
                const auto count = ::recvfrom(fd_, buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&from), &size);
                if (count <= 12) continue;
                ++questions;
                if (silent) continue;
                const auto answer = answer_to({buffer, static_cast<std::size_t>(count)});
                ::sendto(fd_, answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
            }
        });
    }
    DnsSettings settings() const { return {{"127.0.0.1@" + std::to_string(port_)}}; }

    std::atomic<bool> silent{false}, failing{false}, stopping{false};
    std::atomic<int> questions{0};

private:
    std::string answer_to(std::string_view question) {
        std::string name;
        std::size_t at = 12;
        while (at < question.size() && question[at] != 0) {
            const auto length = static_cast<unsigned char>(question[at]);
            if (!name.empty()) name += '.';
            name += to_lower(question.substr(at + 1, length));
            at += 1u + length;
        }
        const int type = static_cast<unsigned char>(question[at + 2]);
        const auto asked = question.substr(12, at + 5 - 12);
        const auto found = records_.find({name, type});
        bool exists = false;
        for (const auto& [key, values] : records_) exists = exists || key.first == name;
        const unsigned rcode = failing ? 2 : exists ? 0 : 3;
        const auto count = failing || found == records_.end() ? 0u : static_cast<unsigned>(found->second.size());
        std::string out(question.substr(0, 2));
        out += u16(0x8180 | rcode) + u16(1) + u16(count) + u16(0) + u16(0);
        out += asked;
        for (unsigned i = 0; i < count; ++i) {
            const auto& rdata = found->second[i];
            out += u16(0xc00c) + u16(static_cast<unsigned>(type)) + u16(1) + u16(0) + u16(60);
            out += u16(static_cast<unsigned>(rdata.size())) + rdata;
        }
        return out;
    }

    int fd_;
    std::uint16_t port_ = 0;
    std::map<std::pair<std::string, int>, std::vector<std::string>> records_;
    std::thread thread_;
};

class ResolverTest : public testing::Test {
protected:
    ResolverTest() { loop.start(); }
    Result<DnsAnswer<SrvRecord>> srv(SocketNetwork& network, const std::string& name) {
        Event event;
        std::optional<Result<DnsAnswer<SrvRecord>>> out;
        network.resolve_srv(loop, name, [&](auto r) {
            EXPECT_TRUE(loop.in_this_thread());
            out = std::move(r);
            event.set();
        });
        if (!event.wait()) return Error{Errc::timed_out, "the test's own deadline"};
        return *out;
    }
    Result<DnsAnswer<std::string>> host(SocketNetwork& network, const std::string& name) {
        Event event;
        std::optional<Result<DnsAnswer<std::string>>> out;
        network.resolve_host(loop, name, [&](auto r) {
            out = std::move(r);
            event.set();
        });
        if (!event.wait()) return Error{Errc::timed_out, "the test's own deadline"};
        return *out;
    }
    EventLoop loop;
    DnsServer dns;
};

TEST_F(ResolverTest, SrvAndAddresses) {
    dns.add_srv("_xmpp-server._tcp.example.com", 10, 20, 5269, "xmpp.example.com");
    dns.add_srv("_xmpp-server._tcp.example.com", 20, 0, 5270, "b.example.com");
    dns.add_srv("_sip._tcp.example.com", 0, 0, 0, ".");
    dns.add_srv("_xmpp-server._tcp.xn--bcher-kva.example", 0, 0, 1, "xn--bcher-kva.example");
    dns.add("xmpp.example.com", 1, std::string("\xc0\x00\x02\x01", 4));
    dns.add("xmpp.example.com", 28, std::string("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16));
    dns.add("four.example.com", 1, std::string("\xc0\x00\x02\x02", 4));
    dns.start();
    SocketNetwork network(dns.settings());

    auto found = srv(network, "_xmpp-server._tcp.Example.com.");
    ASSERT_TRUE(found) << found.error().detail;
    std::sort(found->records.begin(), found->records.end(), [](auto& a, auto& b) { return a.port < b.port; });
    EXPECT_EQ(found->records,
              (std::vector<SrvRecord>{{10, 20, 5269, "xmpp.example.com"}, {20, 0, 5270, "b.example.com"}}));
    EXPECT_FALSE(found->secure);
    EXPECT_GT(found->ttl.count(), 0);

    const auto absent = srv(network, "_sip._tcp.example.com");
    ASSERT_TRUE(absent);
    EXPECT_EQ(absent->records, (std::vector<SrvRecord>{{0, 0, 0, "."}}));

    const auto idn = srv(network, "_xmpp-server._tcp.bücher.example");
    ASSERT_TRUE(idn) << idn.error().detail;
    ASSERT_EQ(idn->records.size(), 1u);

    const auto none = srv(network, "_xmpp-server._tcp.nobody.example");
    ASSERT_TRUE(none) << none.error().detail;
    EXPECT_TRUE(none->records.empty());

    const auto both = host(network, "xmpp.example.com");
    ASSERT_TRUE(both) << both.error().detail;
    EXPECT_EQ(both->records, (std::vector<std::string>{"192.0.2.1", "2001:db8::1"}));
    const auto four = host(network, "four.example.com");
    ASSERT_TRUE(four) << four.error().detail;
    EXPECT_EQ(four->records, (std::vector<std::string>{"192.0.2.2"}));
    const auto nobody = host(network, "nobody.example.com");
    ASSERT_TRUE(nobody);
    EXPECT_TRUE(nobody->records.empty());

    const auto before = dns.questions.load();
    EXPECT_TRUE(host(network, "four.example.com"));
    EXPECT_EQ(dns.questions.load(), before);  // from the cache
}

TEST_F(ResolverTest, NumbersAnswerThemselvesAndNonsenseIsRefused) {
    SocketNetwork network(dns.settings());
    for (const auto* name : {"192.0.2.7", "2001:db8::7"}) {
        const auto found = host(network, name);
        ASSERT_TRUE(found);
        EXPECT_EQ(found->records, std::vector<std::string>{name});
    }
    for (const auto& name : {std::string(), std::string("a b"), std::string("a\0b", 3), std::string(300, 'a')}) {
        const auto found = host(network, name);
        ASSERT_FALSE(found) << name;
        EXPECT_EQ(found.error().code, Errc::malformed);
        EXPECT_FALSE(srv(network, name));
    }
}

TEST_F(ResolverTest, ASilentServerIsAnErrorInTimeAndIsAskedAgainLater) {
    dns.add("slow.example", 1, std::string("\xc0\x00\x02\x03", 4));
    dns.silent = true;
    dns.start();
    auto settings = dns.settings();
    settings.timeout = Millis{700};
    SocketNetwork network(settings);
    const auto start = std::chrono::steady_clock::now();
    const auto found = host(network, "slow.example");
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, Errc::timed_out);
    EXPECT_EQ(found.error().detail, "DNS does not answer for slow.example");
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));

    dns.silent = false;
    std::optional<Result<DnsAnswer<std::string>>> again;
    for (int i = 0; i < 20; ++i) {
        again = host(network, "slow.example");
        if (*again) break;
    }
    ASSERT_TRUE(*again) << again->error().detail;
    EXPECT_EQ((*again)->records, std::vector<std::string>{"192.0.2.3"});
}

TEST_F(ResolverTest, AFailingServerIsAnErrorNotAnAbsence) {
    dns.failing = true;
    dns.start();
    SocketNetwork network(dns.settings());
    const auto found = srv(network, "_xmpp-server._tcp.example.com");
    ASSERT_FALSE(found);
    EXPECT_NE(found.error().detail.find("_xmpp-server._tcp.example.com"), std::string::npos);
}

TEST_F(ResolverTest, AHostsFileComesFirst) {
    const Folder folder;
    std::ofstream(folder / "hosts") << "127.0.0.9 partner.example\n";
    dns.start();
    auto settings = dns.settings();
    settings.hosts_file = folder / "hosts";
    SocketNetwork network(settings);
    const auto found = host(network, "partner.example");
    ASSERT_TRUE(found) << found.error().detail;
    EXPECT_EQ(found->records, std::vector<std::string>{"127.0.0.9"});

    settings.hosts_file = folder / "missing";
    SocketNetwork broken(settings);
    const auto failed = host(broken, "partner.example");
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().detail, "the hosts file " + settings.hosts_file + " cannot be read");
    SocketNetwork nonsense(DnsSettings{{"localhost"}});
    EXPECT_EQ(host(nonsense, "partner.example").error().detail, "\"localhost\" is not a DNS server's address");
}

TEST_F(ResolverTest, MayBeDestroyedWithOpenQuestions) {
    dns.silent = true;
    dns.start();
    bool called = false;
    {
        SocketNetwork network(dns.settings());
        for (int i = 0; i < 50; ++i)
            network.resolve_host(loop, "h" + std::to_string(i) + ".example", [&](auto) { called = true; });
        for (int i = 0; i < 50; ++i)
            network.resolve_srv(loop, "_sip._tcp.h" + std::to_string(i) + ".example", [&](auto) { called = true; });
    }
    on_loop(loop, [] {});
    EXPECT_FALSE(called);
}

TEST(ParseSrv, OnlyWholeRecordsWithHostNames) {
    const auto head = u16(1) + u16(2) + u16(3);
    EXPECT_EQ(parse_srv(head + wire_name("a.example")), (SrvRecord{1, 2, 3, "a.example"}));
    EXPECT_EQ(parse_srv(head + wire_name(".")), (SrvRecord{1, 2, 3, "."}));
    for (const auto& bad : {head, head.substr(0, 5),
                            head + "\x03"
                                   "ab",
                            head +
                                "\x03"
                                "a b" +
                                '\0',
                            head +
                                "\x03"
                                "a.b" +
                                '\0',
                            head + "\x01"
                                   "a",
                            head + wire_name("a") + "x", head + std::string("\xc0\x0c", 2)})
        EXPECT_FALSE(parse_srv(bad)) << hex_encode(bad);
}

}  // namespace
}  // namespace parley::net
