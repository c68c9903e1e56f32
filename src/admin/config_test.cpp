#include "admin/config.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "admin/config_template.hpp"
#include "admin/problem.hpp"
#include "admin/trust_anchor.hpp"
#include "base/text.hpp"

namespace parley::admin {
namespace {

namespace fs = std::filesystem;

const fs::path corpus = fs::path(PARLEY_SOURCE_DIR) / "tests" / "config";
// A day on which tls/good.crt is valid, expired.crt is not any more and future.crt not yet.
constexpr TimePoint today{std::chrono::sys_days{std::chrono::year{2030} / 6 / 1}};

// The corpus in a folder of its own: the rights of keys matter, and git does not keep them.
class Folder {
public:
    Folder() {
        std::string name = (fs::temp_directory_path() / "parley-config-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr) std::abort();
        path_ = name;
        fs::copy(corpus, path_, fs::copy_options::recursive);
        fs::create_directory(path_ / "store");
        for (const auto& entry : fs::directory_iterator(path_ / "tls"))
            if (entry.path().extension() == ".key")
                fs::permissions(entry.path(), entry.path().stem() == "open" ? fs::perms(0644) : fs::perms(0600));
    }
    ~Folder() { fs::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    const fs::path& path() const { return path_; }

private:
    fs::path path_;
};

struct Expected {
    std::size_t line;
    std::string id, fix;
};

std::map<std::string, std::vector<Expected>> expectations() {
    std::map<std::string, std::vector<Expected>> out;
    std::ifstream in(corpus / "expected.txt");
    for (std::string line; std::getline(in, line);) {
        if (line.empty() || line.starts_with('#')) continue;
        std::vector<std::string> fields;
        for (std::size_t i = 0; i < 3; ++i) {
            const auto bar = line.find(" | ");
            fields.push_back(line.substr(0, bar));
            line.erase(0, bar + 3);
        }
        out[fields[0]].push_back({parse_number<std::size_t>(fields[1]).value_or(99999), fields[2], line});
    }
    return out;
}

TEST(BrokenConfigs, EachIsReportedWithPlaceAndSuggestion) {
    const Folder folder;
    const auto expected = expectations();
    EXPECT_GE(expected.size(), 60u);
    std::size_t files = 0;
    for (const auto& entry : fs::directory_iterator(folder.path())) {
        if (entry.path().extension() != ".toml") continue;
        ++files;
        const auto name = entry.path().stem().string();
        SCOPED_TRACE(name);
        const auto wanted = expected.find(name);
        ASSERT_NE(wanted, expected.end()) << "not in expected.txt";
        const auto loaded = load_config(entry.path(), today);
        const auto shown = render(loaded.problems, name + ".toml", Language::english);
        EXPECT_FALSE(loaded.problems.empty());
        EXPECT_EQ(loaded.problems.size(), wanted->second.size()) << shown;
        for (const auto& want : wanted->second) {
            const auto found = std::find_if(loaded.problems.begin(), loaded.problems.end(), [&](const Problem& p) {
                return p.place.line == want.line && p.what.id.name() == want.id;
            });
            if (found == loaded.problems.end()) {
                ADD_FAILURE() << "no " << want.id << " in line " << want.line << "\n" << shown;
                continue;
            }
            const auto fix = found->fix ? found->fix->in(Language::english) : std::string();
            EXPECT_NE(fix.find(want.fix), std::string::npos) << "suggested: " << fix << "\n" << shown;
            EXPECT_FALSE(fix.empty() && want.id != "config.too-many") << "no suggestion for " << want.id;
            if (want.line == 0) continue;
            EXPECT_EQ(found->source_line.empty(), false);
            EXPECT_GE(found->place.column, 1u);
            EXPECT_LE(found->place.column, found->source_line.size() + 1) << shown;
        }
    }
    EXPECT_EQ(files, expected.size());
}

std::string good(const std::string& more = {}) {
    return "[node]\nname = \"one\"\n\n[[domain]]\nname = \"Example.COM\"\ncertificate = \"tls/good.crt\"\nkey = "
           "\"/etc/good.key\"\n"
           "[listen]\nc2s = [\"0.0.0.0:5222\", \"[::]:5222\"]\ns2s = [\"0.0.0.0:5269\"]\nsip = [\"0.0.0.0:5060\"]\n" +
           more;
}

TEST(Config, ATrustAnchorIsRecordsAndNothingElse) {
    struct Case {
        const char *name, *text;
        std::optional<std::size_t> records;
    };
    for (const auto& c :
         {Case{"as Debian has the root's", ".\t172800\tIN\tDNSKEY\t257 3 8 AwEAAa96 ;{id = 20326 (ksk)}\n", 1},
          Case{"as ldns writes it", "a.example.\tIN\tDS\t6000 13 2 0275f21accde53b6\n\n; more\n", 1},
          Case{"data in parts", ". IN DS 20326 8 2 E06D44B8 0B8F1D39\n. DNSKEY 257 3 13 x/G3 ZYMH\r\n", 2},
          Case{"comments alone", "; nothing\n\n", 0}, Case{"empty", "", 0},
          Case{"another type", "a.example. IN A 127.0.0.1\n", std::nullopt},
          Case{"no data", ". IN DS 20326 8 2\n", std::nullopt},
          Case{"data that is none", ". IN DS 20326 8 2 xyz\n", std::nullopt},
          Case{"a number that is too large", ". IN DS 20326 8 256 E06D\n", std::nullopt},
          Case{"PEM", "-----BEGIN CERTIFICATE-----\nMIIB\n", std::nullopt},
          Case{"one line of two", ". IN DS 20326 8 2 E06D\nhello\n", std::nullopt}}) {
        SCOPED_TRACE(c.name);
        EXPECT_EQ(count_trust_anchors(c.text), c.records);
    }
}

TEST(Config, ReadsWhatItIsGiven) {
    const auto loaded = parse_config(
        good("[dns]\nservers = [\"127.0.0.1:5353\", \"::1\"]\ntrust_anchor = "
             "\"root.key\"\nunsigned = [\"Corp.example\"]\n[tls]\ntrust_system = false\n[federation]\nposh = true\n"
             "disclose_reasons = false\n"
             "[sip]\nsubscription = \"2h\"\n[log]\nlevel = \"debug\"\nfile = \"a.log\"\n"
             "[limits]\nstanza_c2s = \"64 KiB\"\ntls_handshake = \"5s\"\nsasl_failures = 3\n"),
        "/srv/parley/parley.toml");
    ASSERT_TRUE(loaded.problems.empty()) << render(loaded.problems, "parley.toml", Language::english);
    const auto& config = loaded.config;
    EXPECT_EQ(config.node_name, "one");
    ASSERT_EQ(config.domains.size(), 1u);
    EXPECT_EQ(config.domains[0].name, "example.com");
    EXPECT_EQ(config.domains[0].certificate, "/srv/parley/tls/good.crt");
    EXPECT_EQ(config.domains[0].key, "/etc/good.key");
    ASSERT_EQ(config.listen.c2s.size(), 2u);
    EXPECT_EQ(config.listen.c2s[1].to_string(), "[::]:5222");
    ASSERT_EQ(config.dns_servers.size(), 2u);
    EXPECT_EQ(config.dns_servers[0].to_string(), "127.0.0.1:5353");
    EXPECT_EQ(config.dns_servers[1].to_string(), "[::1]:53");
    EXPECT_TRUE(config.posh);
    EXPECT_FALSE(config.disclose_reasons);
    EXPECT_EQ(config.dns_unsigned, std::vector<std::string>{"corp.example"});
    EXPECT_EQ(config.trust_anchor, "/srv/parley/root.key");
    EXPECT_FALSE(config.trust_system);
    EXPECT_EQ(config.sip_subscription, Seconds(7200));
    EXPECT_EQ(config.log_level, LogLevel::debug);
    EXPECT_EQ(config.log_file, "/srv/parley/a.log");
    EXPECT_EQ(config.limits.stanza_c2s, 65536u);
    EXPECT_EQ(config.limits.tls_handshake, Millis(5000));
    EXPECT_EQ(config.limits.sasl_failures, 3);
    EXPECT_EQ(config.limits.stanza_s2s, Limits{}.stanza_s2s);
    EXPECT_EQ(config.store, "/srv/parley/store");
    EXPECT_NE(config.domain("example.com"), nullptr);
    EXPECT_EQ(config.domain("example.org"), nullptr);
}

TEST(Config, WindowsLineEndsAndByteOrderMarkAreFine) {
    auto text = "\xEF\xBB\xBF" + good();
    for (std::size_t i = 0; (i = text.find('\n', i)) != std::string::npos; i += 2) text.replace(i, 1, "\r\n");
    const auto loaded = parse_config(text, "/x/parley.toml");
    EXPECT_TRUE(loaded.problems.empty()) << render(loaded.problems, "parley.toml", Language::english);
}

TEST(Config, AddressesOfBothFamiliesDoNotClash) {
    const auto loaded = parse_config(good("web = [\"127.0.0.1:5280\", \"[::1]:5280\"]\nadmin = [\"127.0.0.2:5280\"]\n"),
                                     "/x/parley.toml");
    EXPECT_TRUE(loaded.problems.empty()) << render(loaded.problems, "parley.toml", Language::english);
}

TEST(Config, HostileNestingIsRefusedBeforeTheParserSeesIt) {
    for (const auto& text : {"a = " + std::string(100'000, '['),
                             "a" +
                                 [] {
                                     std::string dots;
                                     for (int i = 0; i < 100'000; ++i) dots += ".a";
                                     return dots;
                                 }() +
                                 " = 1",
                             std::string(300'000, '#'), "[" + std::string(50'000, '[') + "x", std::string(100'000, '{'),
                             "x = " + std::string(100'000, '{')}) {
        const auto loaded = parse_config(text, "/x/parley.toml");
        EXPECT_FALSE(loaded.ok());
        EXPECT_LE(loaded.problems.size(), 60u);
    }
}

TEST(Config, ProblemLooksLikeACompilersWithTheCaretBelow) {
    const auto loaded = parse_config(good("[limits]\n\troster_items = \"fivethousand\"\n"), "/x/parley.toml");
    ASSERT_EQ(loaded.problems.size(), 1u);
    EXPECT_EQ(render(loaded.problems[0], "parley.toml", Language::english),
              "parley.toml:13:17: error: this is text; a whole number is wanted [config.wrong-type]\n"
              "    13 |  roster_items = \"fivethousand\"\n"
              "       |                 ^~~~~~~~~~~~~~ from 10 to 100000\n");
    EXPECT_NE(render(loaded.problems[0], "parley.toml", Language::japanese).find("エラー: これは文字列です"),
              std::string::npos);
}

TEST(Config, TheFileThatInitWritesIsReadWithoutAWord) {
    ConfigTemplate values;
    values.domain = "alpha.example";
    values.node_name = "alpha";
    values.ports = Ports::from_base(42000);
    values.certificate = "tls/alpha.example.crt";
    values.key = "tls/alpha.example.key";
    const auto text = write_config(values);
    const auto loaded = parse_config(text, "/x/parley.toml");
    EXPECT_TRUE(loaded.problems.empty()) << render(loaded.problems, "parley.toml", Language::english);
    EXPECT_EQ(loaded.config.listen.c2s[0].to_string(), "0.0.0.0:42022");
    EXPECT_EQ(loaded.config.listen.c2s_tls[0].port, 42023);
    EXPECT_EQ(loaded.config.listen.s2s[0].port, 42069);
    EXPECT_EQ(loaded.config.listen.s2s_tls[0].port, 42070);
    EXPECT_EQ(loaded.config.listen.sip[0].port, 42060);
    EXPECT_EQ(loaded.config.listen.sip_tls[0].port, 42061);
    EXPECT_EQ(loaded.config.listen.web[0].to_string(), "127.0.0.1:42080");
    EXPECT_EQ(loaded.config.listen.admin[0].to_string(), "127.0.0.1:42081");
    // Its comments promise defaults: with the marks taken away it must be valid too and change nothing.
    std::string opened;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
        const bool setting = line.starts_with("# ") && line.find(" = ") != std::string::npos &&
                             line.find("trust_file") == std::string::npos;
        opened += (setting ? line.substr(2) : line) + "\n";
    }
    const auto all = parse_config(opened, "/x/parley.toml");
    EXPECT_TRUE(all.problems.empty()) << render(all.problems, "parley.toml", Language::english);
    auto changes = difference(loaded.config, all.config);
    std::erase_if(changes, [](const ConfigChange& c) { return c.key == "sip.host"; });  // shown as an example
    for (const auto& change : changes) ADD_FAILURE() << change.key << ": " << change.before << " -> " << change.after;
}

TEST(Config, DifferenceNamesEachChangeAndWhetherItIsLive) {
    const auto before = parse_config(good(), "/x/parley.toml").config;
    const auto after =
        parse_config(good("admin = [\"127.0.0.1:5281\"]\n[log]\nlevel = \"debug\"\n[limits]\nroster_items = 50\n"),
                     "/x/parley.toml")
            .config;
    std::set<std::string> live, restart;
    for (const auto& change : difference(before, after)) (change.needs_restart ? restart : live).insert(change.key);
    EXPECT_EQ(live, (std::set<std::string>{"log.level", "limits.roster_items"}));
    EXPECT_EQ(restart, (std::set<std::string>{"listen.admin"}));
    EXPECT_TRUE(difference(before, before).empty());
}

TEST(Closest, OneSlipIsMendedAndAGuessIsNot) {
    const std::vector<std::string> words{"user", "federation", "status", "reload"};
    EXPECT_EQ(closest("usr", words), "user");
    EXPECT_EQ(closest("fedration", words), "federation");
    EXPECT_EQ(closest("staus", words), "status");
    EXPECT_EQ(closest("relaod", words), "reload");
    EXPECT_EQ(closest("--version", words), std::nullopt);
    EXPECT_EQ(closest("", words), std::nullopt);
}

}  // namespace
}  // namespace parley::admin
