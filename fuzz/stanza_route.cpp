// A signed-in client says anything at all to a whole server. Whatever it says, nobody hears a stanza in another's name,
// what is refused is told to the sender alone, and the server goes on serving the others.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "base/log.hpp"
#include "fuzz/stage.hpp"
#include "tests/scenario/world.hpp"
#include "tests/scenario/xml_end.hpp"
#include "xmpp/jid.hpp"

namespace {

using namespace parley;
using namespace std::chrono_literals;

void must(bool holds) {
    if (!holds) std::abort();
}

xmpp::Jid jid(std::string_view text) {
    return xmpp::Jid::parse(text).value();
}

struct Stage {
    Stage() {
        world.local_domains = {"example.com"};
        world.accounts = {jid("alice@example.com"), jid("bob@example.com")};
        world.limits.stanzas_burst = 1'000'000'000;
        world.limits.bytes_burst = std::size_t{1} << 40;
        set_log_level(LogLevel::error);  // refusals are what this is about
        world.start();
        must(bob.log_in().empty());
    }
    test::World world{1};
    test::Client bob{world.network, world.executor, "bob", "example.com", "laptop", "10.0.2.2"};
    std::unique_ptr<test::Client> alice;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1 || size > 20'000) return 0;
    auto& s = fuzz::stage<Stage>();
    if (!s.alice || s.alice->is_closed()) {
        s.alice = std::make_unique<test::Client>(s.world.network, s.world.executor, "alice", "example.com", "desk",
                                                 "10.0.2.1");
        must(s.alice->log_in().empty());
        if (data[0] & 1) must(s.alice->enable_resumption().empty());
    }
    s.world.network.set_chunk(data[0] & 2 ? 7 : 0);
    s.alice->say({reinterpret_cast<const char*>(data) + 1, size - 1});
    s.world.executor.advance(200ms);
    s.bob.collect();
    for (const auto& heard : s.bob.heard()) {
        if (!heard.has_attribute("from")) continue;  // the server to its own client
        const auto from = xmpp::Jid::parse(heard.attribute("from"));
        must(from.has_value());
        must(from->same_bare(jid("alice@example.com")) || from->same_bare(jid("bob@example.com")) ||
             from->is_domain() || heard.attribute("type") == "error" || heard.attribute("type") == "unavailable");
    }
    s.bob.heard().clear();
    s.alice->collect();
    s.alice->heard().clear();
    must(!s.bob.is_closed());
    // Half a stanza would swallow the next input.
    s.alice->say("</stream:stream>");
    s.alice.reset();
    s.world.network.set_chunk(0);
    s.world.executor.run_until_idle();
    return 0;
}
