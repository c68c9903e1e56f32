#include "net/https_get.hpp"

#include <algorithm>

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "base/text.hpp"
#include "net/identity.hpp"
#include "net/tls_context.hpp"

namespace parley::net {
namespace {

namespace http = boost::beast::http;

constexpr std::size_t most_header_bytes = 8'192;
constexpr std::size_t most_addresses = 4;
constexpr std::size_t longest_url = 2'048;

// What to_ascii_domain() makes of an authority may still be an address, or have empty labels.
bool is_host_name(std::string_view host) {
    return !host.empty() && host.find_first_not_of("0123456789.") != std::string_view::npos &&
           host.find("..") == std::string_view::npos && host.front() != '.' && host.back() != '.';
}

}  // namespace

// Beast's parser reads what has come and leaves what is not yet whole.
struct HttpsGet::Parser {
    http::response_parser<http::string_body> response;
    std::string unread;

    Parser() {
        response.header_limit(most_header_bytes);
        response.body_limit(most_bytes);
        response.eager(true);
    }
    // An error in words, or nothing.
    std::string put(std::string_view bytes) {
        unread += bytes;
        boost::beast::error_code failed;
        while (!unread.empty() && !response.is_done()) {
            const auto taken = response.put(boost::asio::buffer(unread), failed);
            unread.erase(0, taken);
            // Of a line or a trailer without an end the parser knows no limit.
            if (failed == http::error::need_more)
                return unread.size() > most_header_bytes ? "a line that is too long" : std::string{};
            if (failed) return failed.message();
            if (taken == 0) return {};
        }
        return {};
    }
};

std::optional<HttpsUrl> parse_https_url(std::string_view text) {
    constexpr std::string_view scheme = "https://";
    if (text.size() > longest_url || text.size() <= scheme.size() ||
        !equal_ignoring_case(text.substr(0, scheme.size()), scheme))
        return std::nullopt;
    if (std::any_of(text.begin(), text.end(), [](char c) { return c <= ' ' || c >= 0x7f; })) return std::nullopt;
    text.remove_prefix(scheme.size());
    text = text.substr(0, text.find('#'));
    const auto end = std::min(text.find_first_of("/?"), text.size());
    auto authority = text.substr(0, end);
    HttpsUrl url;
    url.path = text.substr(end);
    if (!url.path.starts_with('/')) url.path.insert(0, "/");
    if (const auto colon = authority.find(':'); colon != std::string_view::npos) {
        const auto port = parse_number<std::uint16_t>(authority.substr(colon + 1));
        if (!port || *port == 0) return std::nullopt;
        url.port = *port;
        authority = authority.substr(0, colon);
    }
    url.host = to_ascii_domain(authority);
    if (!is_host_name(url.host)) return std::nullopt;
    return url;
}

HttpsGet::HttpsGet(Network& network, Executor& executor, std::shared_ptr<TlsContext> context, const HttpsUrl& url,
                   Done done)
    : network_(network), executor_(executor), context_(std::move(context)), url_(url), done_(std::move(done)) {}

HttpsGet::~HttpsGet() = default;

std::shared_ptr<HttpsGet> HttpsGet::start(Network& network, Executor& executor, std::shared_ptr<TlsContext> context,
                                          const HttpsUrl& url, Done done) {
    std::shared_ptr<HttpsGet> get(new HttpsGet(network, executor, std::move(context), url, std::move(done)));
    get->deadline_ = executor.after(patience, [self = get.get()] { self->fail(Errc::timed_out, "no answer in time"); });
    network.resolve_host(executor, url.host, [weak = std::weak_ptr(get)](const Result<DnsAnswer<std::string>>& answer) {
        const auto self = weak.lock();
        if (!self || self->finished_) return;
        if (!answer) return self->fail(Errc::closed, answer.error().detail);
        const auto count = std::min(answer->records.size(), most_addresses);
        self->addresses_.assign(answer->records.begin(), answer->records.begin() + static_cast<std::ptrdiff_t>(count));
        self->last_error_ = "it has no address";
        self->try_next_address();
    });
    return get;
}

void HttpsGet::try_next_address() {
    if (addresses_.empty()) return fail(Errc::closed, last_error_);
    const Endpoint endpoint{addresses_.front(), url_.port};
    addresses_.pop_front();
    network_.connect(executor_, endpoint, patience,
                     [weak = weak_from_this()](Result<std::unique_ptr<Connection>> connected) {
                         const auto self = weak.lock();
                         if (!self || self->finished_) return;
                         if (!connected) {
                             self->last_error_ = connected.error().detail;
                             return self->try_next_address();
                         }
                         self->connection_ = *std::move(connected);
                         self->connection_->start_tls(self->context_, Connection::TlsRole::client, self->url_.host);
                         self->connection_->set_handler(self.get());
                     });
}

void HttpsGet::on_secured() {
    const auto* tls = connection_->tls();
    if (!tls || !tls->peer) return fail(Errc::forbidden, "it shows no certificate");
    if (!tls->peer->trusted) return fail(Errc::forbidden, "its certificate is not trusted: " + tls->peer->trust_error);
    if (!names_web_host(*tls->peer, url_.host))
        return fail(Errc::forbidden, "its certificate names " + describe_names(*tls->peer));
    parser_ = std::make_unique<Parser>();
    const auto port = url_.port == 443 ? "" : ':' + std::to_string(url_.port);
    connection_->send("GET " + url_.path + " HTTP/1.1\r\nHost: " + url_.host + port +
                      "\r\nUser-Agent: parley\r\nAccept: application/json\r\nConnection: close\r\n\r\n");
}

void HttpsGet::on_bytes(std::string_view bytes) {
    if (finished_ || !parser_) return;
    if (const auto wrong = parser_->put(bytes); !wrong.empty())
        return fail(Errc::malformed, "its answer cannot be read: " + wrong);
    if (!parser_->response.is_done()) return;
    auto& response = parser_->response.get();
    finish(HttpAnswer{response.result_int(), std::move(response.body()), std::string(response[http::field::location])});
}

// RFC 9112 6.3: without a length the end of the connection is the end of the answer.
void HttpsGet::on_closed(const Error& why) {
    if (finished_) return;
    boost::beast::error_code failed;
    if (parser_ && parser_->response.is_header_done() && !parser_->response.content_length() &&
        !parser_->response.chunked()) {
        parser_->response.put_eof(failed);
        auto& response = parser_->response.get();
        if (!failed && parser_->response.is_done())
            return finish(HttpAnswer{response.result_int(), std::move(response.body()),
                                     std::string(response[http::field::location])});
    }
    fail(Errc::closed, why.detail);
}

void HttpsGet::fail(Errc code, const std::string& why) {
    finish(Error{code, "https://" + url_.host + url_.path + ": " + why});
}

void HttpsGet::finish(Result<HttpAnswer> result) {
    if (std::exchange(finished_, true)) return;
    deadline_.cancel();
    // From a fresh stack: we may be inside a callback of the connection.
    executor_.post([weak = weak_from_this(), result = std::move(result)]() mutable {
        const auto self = weak.lock();
        if (!self) return;
        self->connection_.reset();
        const auto done = std::move(self->done_);
        done(std::move(result));
    });
}

}  // namespace parley::net
