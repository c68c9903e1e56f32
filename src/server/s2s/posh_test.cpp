#include "server/s2s/posh.hpp"

#include <gtest/gtest.h>

#include "base/hash.hpp"
#include "base/text.hpp"
#include "net/tls_context.hpp"
#include "tests/support/fake_executor.hpp"
#include "tests/support/memory_network.hpp"

namespace parley::server {
namespace {

const std::string certificate = "the certificate of the XMPP server";

std::string document(int expires = 3'600) {
    return R"({"fingerprints":[{"sha-256":")" + base64_encode(sha256(certificate)) + R"("}],"expires":)" +
           std::to_string(expires) + "}";
}
std::string reference(const std::string& url, int expires = 3'600) {
    return R"({"url":")" + url + R"(","expires":)" + std::to_string(expires) + "}";
}
std::string ok(const std::string& body) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// A web server: what it is asked, and what it answers to each path of each host.
class WebServer {
public:
    WebServer(test::MemoryNetwork& world, test::FakeExecutor& executor, const std::string& domain,
              const std::string& address, std::shared_ptr<net::TlsContext> context)
        : host{world, address}, context_(std::move(context)) {
        host.set_certificate(test::certificate_for(domain));
        world.dns().host[domain] = {address};
        auto listening = host.listen(executor, {address, 443}, [this](std::unique_ptr<net::Connection> connection) {
            visits.push_back(std::make_unique<Visit>(*this, std::move(connection)));
        });
        listener_ = *std::move(listening);
    }
    std::map<std::string, std::string> answers;  // by path
    std::vector<std::string> asked;              // "host path"
    bool closes = true;                          // behind its answer
    test::MemoryNetwork host;

private:
    struct Visit : net::Connection::Handler {
        Visit(WebServer& of, std::unique_ptr<net::Connection> c) : server(of), connection(std::move(c)) {
            connection->start_tls(server.context_, net::Connection::TlsRole::server);
            connection->set_handler(this);
        }
        void on_bytes(std::string_view bytes) override {
            request += bytes;
            if (request.find("\r\n\r\n") == std::string::npos) return;
            const auto path = request.substr(4, request.find(' ', 4) - 4);
            const auto at = request.find("Host: ") + 6;
            server.asked.push_back(request.substr(at, request.find('\r', at) - at) + ' ' + path);
            const auto answer = server.answers.find(path);
            if (answer == server.answers.end()) return;  // silence
            connection->send(answer->second);
            if (server.closes) connection->close();
        }
        void on_closed(const Error&) override {}
        WebServer& server;
        std::unique_ptr<net::Connection> connection;
        std::string request;
    };
    std::shared_ptr<net::TlsContext> context_;
    std::unique_ptr<net::Listener> listener_;
    std::vector<std::unique_ptr<Visit>> visits;
};

const std::string well_known = "/.well-known/posh/xmpp-server.json";

class Posh : public testing::Test {
protected:
    Result<PoshDocuments::Document> find(const std::string& domain = "a.example") {
        std::optional<Result<PoshDocuments::Document>> found;
        documents.find(executor, domain, [&](Result<PoshDocuments::Document> result) { found = std::move(result); });
        executor.run_until([&] { return found.has_value(); });
        return *found;
    }
    std::string problem() {
        const auto found = find();
        return found ? "" : found.error().detail;
    }
    bool has(const std::string& why) { return problem().find(why) != std::string::npos; }

    test::FakeExecutor executor;
    test::MemoryNetwork network;
    std::shared_ptr<net::TlsContext> context = *net::TlsContext::load({.trust_system = false});
    WebServer web{network, executor, "a.example", "10.0.0.9", context};
    WebServer hosting{network, executor, "hosting.example", "10.0.0.8", context};
    PoshDocuments documents{network, executor, [this] { return context; }};
};

TEST_F(Posh, IsAskedOnceAndKeptAsLongAsItSays) {
    web.answers[well_known] = ok(document(3'600));
    const auto found = find();
    ASSERT_TRUE(found) << found.error().detail;
    EXPECT_TRUE((*found)->names(certificate));
    EXPECT_EQ(web.asked, std::vector<std::string>{"a.example " + well_known});
    executor.advance(Seconds{3'590});
    EXPECT_TRUE(find());
    EXPECT_EQ(web.asked.size(), 1u);
    executor.advance(Seconds{20});
    EXPECT_TRUE(find());
    EXPECT_EQ(web.asked.size(), 2u);
}

TEST_F(Posh, TheTimeHasBounds) {
    web.answers[well_known] = ok(document(1));
    EXPECT_TRUE(find());
    executor.advance(PoshDocuments::shortest - Seconds{1});
    EXPECT_TRUE(find());
    EXPECT_EQ(web.asked.size(), 1u);
    web.answers[well_known] = ok(document(100'000'000));
    executor.advance(Seconds{2});
    EXPECT_TRUE(find());
    executor.advance(PoshDocuments::longest + Seconds{1});
    EXPECT_TRUE(find());
    EXPECT_EQ(web.asked.size(), 3u);
}

TEST_F(Posh, ManyAskersAreOneQuestion) {
    web.answers[well_known] = ok(document());
    int found = 0;
    for (int i = 0; i < 10; ++i)
        documents.find(executor, "a.example",
                       [&](const Result<PoshDocuments::Document>& result) { found += result ? 1 : 0; });
    executor.run_until([&] { return found == 10; });
    EXPECT_EQ(web.asked.size(), 1u);
}

TEST_F(Posh, AReferenceIsFollowedOnceAndItsTimeCounts) {
    web.answers[well_known] = ok(reference("https://hosting.example/posh.json", 120));
    hosting.answers["/posh.json"] = ok(document(3'600));
    const auto found = find();
    ASSERT_TRUE(found) << found.error().detail;
    EXPECT_TRUE((*found)->names(certificate));
    EXPECT_EQ(hosting.asked, std::vector<std::string>{"hosting.example /posh.json"});
    executor.advance(Seconds{121});
    EXPECT_TRUE(find());
    EXPECT_EQ(web.asked.size(), 2u) << "RFC 7711 6: the lower of both";

    hosting.answers["/posh.json"] = ok(reference("https://hosting.example/more.json"));
    executor.advance(Seconds{121});
    EXPECT_TRUE(has("refers to another reference"));
}

TEST_F(Posh, ARedirectIsFollowedToHttpsOnlyAndNotForEver) {
    const auto to = [](const std::string& place) {
        return "HTTP/1.1 302 Found\r\nLocation: " + place + "\r\nContent-Length: 0\r\n\r\n";
    };
    web.answers[well_known] = to("https://hosting.example/posh.json");
    hosting.answers["/posh.json"] = ok(document());
    EXPECT_TRUE(find());
    executor.advance(Seconds{3'601});
    web.answers[well_known] = to("http://hosting.example/posh.json");
    EXPECT_TRUE(has("no https address"));
    executor.advance(Seconds{61});
    web.answers[well_known] = to("https://a.example" + well_known);
    EXPECT_TRUE(has("from one place to another"));
    EXPECT_EQ(web.asked.size(), 2u + 3u);
}

TEST_F(Posh, TheWebServerMustProveItself) {
    web.answers[well_known] = ok(document());
    auto shown = test::certificate_for("a.example");
    shown.trusted = false;
    shown.trust_error = "self-signed certificate";
    web.host.set_certificate(shown);
    EXPECT_TRUE(has("not trusted: self-signed"));
    EXPECT_TRUE(web.asked.empty()) << "nothing is asked of a stranger";
    executor.advance(Seconds{61});
    web.host.set_certificate(test::certificate_for("evil.example"));
    EXPECT_TRUE(has("its certificate names evil.example"));
    EXPECT_TRUE(web.asked.empty());
    executor.advance(Seconds{61});
    web.answers[well_known] = ok(reference("https://hosting.example/posh.json"));
    web.host.set_certificate(test::certificate_for("a.example"));
    hosting.answers["/posh.json"] = ok(document());
    hosting.host.set_certificate(test::certificate_for("evil.example"));
    EXPECT_TRUE(has("its certificate names evil.example"));
}

TEST_F(Posh, WhatIsNoDocument) {
    struct Case {
        const char* why;
        std::string answer;
    };
    for (const auto& c : {
             Case{"has no POSH document", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"},
             Case{"says 500", "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"},
             Case{"it is no JSON", ok("<html/>")},
             Case{"cannot be read", "SSH-2.0-OpenSSH\r\n\r\n"},
             Case{"cannot be read", ok(std::string(net::HttpsGet::most_bytes + 1, ' '))},
             Case{"cannot be read", "HTTP/1.1 200 OK\r\nA: " + std::string(9'000, 'a') + "\r\n\r\n"},
             Case{"closed", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}"},
             Case{"no https address", "HTTP/1.1 301 Moved\r\nContent-Length: 0\r\n\r\n"},
         }) {
        web.answers[well_known] = c.answer;
        EXPECT_TRUE(has(c.why)) << c.why << ": " << problem();
        executor.advance(Seconds{61});
    }
}

TEST_F(Posh, AnAnswerWithoutLengthEndsWithTheConnection) {
    web.answers[well_known] = "HTTP/1.1 200 OK\r\n\r\n" + document();
    EXPECT_TRUE(find());
}

TEST_F(Posh, AnAnswerInChunksAndInSmallPieces) {
    const auto body = document();
    char size[16];
    std::snprintf(size, sizeof size, "%zx", body.size());
    web.answers[well_known] =
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n") + size + "\r\n" + body + "\r\n0\r\n\r\n";
    web.closes = false;
    network.set_chunk(7);
    EXPECT_TRUE(find()) << problem();
}

TEST_F(Posh, SilenceHasAnEndAndIsRemembered) {
    const auto before = executor.clock().now();
    EXPECT_TRUE(has("no answer in time"));
    EXPECT_LE(executor.clock().now() - before, PoshDocuments::patience);
    EXPECT_TRUE(has("no answer in time"));
    EXPECT_EQ(web.asked.size(), 1u);
    executor.advance(PoshDocuments::after_failure + Seconds{1});
    web.answers[well_known] = ok(document());
    EXPECT_TRUE(find());
}

TEST_F(Posh, WithoutRootsNobodyIsAsked) {
    web.answers[well_known] = ok(document());
    context.reset();
    EXPECT_TRUE(has("not asked here"));
    EXPECT_TRUE(web.asked.empty());
}

TEST_F(Posh, OnlySoManyAtATime) {
    int refused = 0, asked = 0;
    for (std::size_t i = 0; i < PoshDocuments::most_at_once + 5; ++i) {
        const auto name = "d" + std::to_string(i) + ".example";
        network.dns().host[name] = {"10.0.0.9"};  // which is silent
        documents.find(executor, name, [&](const Result<PoshDocuments::Document>& result) {
            ++asked;
            if (!result && result.error().code == Errc::too_long) ++refused;
        });
    }
    executor.run_until([&] { return asked == static_cast<int>(PoshDocuments::most_at_once) + 5; });
    EXPECT_EQ(refused, 5);
}

}  // namespace
}  // namespace parley::server
