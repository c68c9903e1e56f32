// A foreign server says anything at all on a stream to a whole server that takes dialback (XEP-0220) as proof. Behind
// montague.example stands a server that calls the key "good" its own; capulet.example's denies all. Whatever comes,
// alice hears nothing in the name of capulet, and of montague only when the input had the key.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "base/log.hpp"
#include "fuzz/stage.hpp"
#include "tests/scenario/world.hpp"
#include "tests/scenario/xml_end.hpp"
#include "xml/writer.hpp"
#include "xmpp/ns.hpp"

namespace {

using namespace parley;
using namespace std::chrono_literals;

void must(bool holds) {
    if (!holds) std::abort();
}

constexpr std::string_view header =
    "<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' "
    "xmlns:db='jabber:server:dialback' version='1.0' id='theirs'>";

// The authoritative server of a domain: answers questions about keys, and pings.
class Authority {
public:
    Authority(test::World& world, const std::string& domain, const std::string& address, std::string good)
        : network_(world.network, address), good_(std::move(good)) {
        world.network.dns().srv["_xmpp-server._tcp." + domain] = {{0, 0, 5269, "xmpp." + domain}};
        world.network.dns().host["xmpp." + domain] = {address};
        auto& rule = world.policy.rules[domain];
        rule.domain = domain;
        rule.transport = im::Transport::xmpp;
        rule.tls = im::TlsPolicy::optional;
        rule.dialback = rule.plain_dialback = true;
        listener_ =
            network_
                .listen(world.executor, {address, 5269},
                        [this](std::unique_ptr<net::Connection> connection) { accepted(std::move(connection)); })
                .value();
    }

private:
    void accepted(std::unique_ptr<net::Connection> connection) {
        std::erase_if(ends_, [](const auto& end) { return end->is_closed(); });
        auto* end = ends_.emplace_back(std::make_unique<test::XmlEnd>(std::move(connection))).get();
        end->on_header = [end](const xml::Element&) { end->say(std::string(header) + "<stream:features/>"); };
        end->on_element = [this, end](const xml::Element& element) {
            if (element.is(xmpp::ns::dialback, "verify")) {
                std::string answer = "<db:verify";
                xml::write_attribute(answer, "id", element.attribute("id"));
                xml::write_attribute(answer, "from", element.attribute("to"));
                xml::write_attribute(answer, "to", element.attribute("from"));
                const bool good = !good_.empty() && element.text() == good_;
                end->say(answer + (good ? " type='valid'/>" : " type='invalid'/>"));
            }
            return true;
        };
    }

    test::MemoryNetwork network_;
    std::string good_;
    std::vector<std::unique_ptr<test::XmlEnd>> ends_;
    std::unique_ptr<net::Listener> listener_;
};

struct Stage {
    Stage() {
        world.local_domains = {"example.com"};
        world.accounts = {xmpp::Jid::parse("alice@example.com").value()};
        set_log_level(LogLevel::error);  // refusals are what this is about
        world.start();
        must(alice.log_in().empty());
    }
    test::World world{1};
    Authority montague{world, "montague.example", "10.0.2.7", "good"};
    Authority capulet{world, "capulet.example", "10.0.2.8", ""};
    test::MemoryNetwork outside{world.network, "10.0.2.9"};
    test::Client alice{world.network, world.executor, "alice", "example.com", "desk", "10.0.2.1"};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1 || size > 20'000) return 0;
    auto& s = fuzz::stage<Stage>();
    const std::string_view said(reinterpret_cast<const char*>(data) + 1, size - 1);
    s.world.network.set_chunk(data[0] & 2 ? 7 : 0);
    std::unique_ptr<test::XmlEnd> end;
    s.outside.connect(s.world.executor, {"10.0.0.1", 5269}, 5s,
                      [&end](Result<std::unique_ptr<net::Connection>> connection) {
                          if (connection) end = std::make_unique<test::XmlEnd>(*std::move(connection));
                      });
    s.world.executor.run_until_idle();
    must(end != nullptr);
    if (!(data[0] & 1))
        end->say(
            "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' "
            "xmlns:db='jabber:server:dialback' from='montague.example' to='example.com' version='1.0'>");
    end->say(said);
    s.world.executor.advance(data[0] & 4 ? 40s : 1s);
    s.alice.collect();
    for (const auto& heard : s.alice.heard()) {
        if (!heard.has_attribute("from")) continue;
        const auto from = xmpp::Jid::parse(heard.attribute("from"));
        must(from.has_value() && from->domain() != "capulet.example");
        // The key may have come in pieces or escaped; without its letters it has not come.
        if (from->domain() == "montague.example")
            must(said.find('g') != std::string_view::npos || said.find('&') != std::string_view::npos);
    }
    s.alice.heard().clear();
    must(!s.alice.is_closed());
    end.reset();
    s.world.network.set_chunk(0);
    s.world.executor.run_until_idle();
    return 0;
}
