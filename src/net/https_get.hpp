#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/connection.hpp"

namespace parley::net {

// An https URI (RFC 9110 4.2.2) as far as we follow one: host as A-labels, no user, no address in brackets.
struct HttpsUrl {
    std::string host;
    std::uint16_t port = 443;
    std::string path;  // with the query; begins with "/"
    bool operator==(const HttpsUrl&) const = default;
};
std::optional<HttpsUrl> parse_https_url(std::string_view text);

struct HttpAnswer {
    unsigned status = 0;
    std::string body;
    std::string location;  // of a redirect; as it stands there
};

// One GET over TLS (RFC 9112). The certificate must lead to a root of `context` and name the host (RFC 9110 4.3.4)
// before anything is asked. Answers are bounded in size and all of it in time. One thread.
class HttpsGet : public Connection::Handler, public std::enable_shared_from_this<HttpsGet> {
public:
    static constexpr std::size_t most_bytes = std::size_t{64} * 1024;  // of the body
    static constexpr Millis patience{5'000};
    using Done = Function<void(Result<HttpAnswer>)>;
    // Destroying the result before `done` has run cancels it. `done` runs later, once.
    static std::shared_ptr<HttpsGet> start(Network& network, Executor& executor, std::shared_ptr<TlsContext> context,
                                           const HttpsUrl& url, Done done);
    ~HttpsGet() override;

private:
    struct Parser;
    HttpsGet(Network& network, Executor& executor, std::shared_ptr<TlsContext> context, const HttpsUrl& url, Done done);
    void on_bytes(std::string_view bytes) override;
    void on_secured() override;
    void on_closed(const Error& why) override;
    void try_next_address();
    void finish(Result<HttpAnswer> result);
    void fail(Errc code, const std::string& why);

    Network& network_;
    Executor& executor_;
    std::shared_ptr<TlsContext> context_;
    const HttpsUrl url_;
    Done done_;
    std::deque<std::string> addresses_;
    std::string last_error_;
    std::unique_ptr<Connection> connection_;
    std::unique_ptr<Parser> parser_;
    Timer deadline_;
    bool finished_ = false;
};

}  // namespace parley::net
