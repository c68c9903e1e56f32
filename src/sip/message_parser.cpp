#include "base/text.hpp"
#include "sip/check.hpp"
#include "sip/header/cursor.hpp"
#include "sip/limits.hpp"
#include "sip/message.hpp"

namespace parley::sip {

// Fills a Message from bytes: one copy of the head, one of the body. Problems are noted and the rest is still read, so
// that a 400 can carry Via, From, To, Call-ID and CSeq.
class MessageParser {
public:
    Result<Parsed> parse(std::string_view head, std::optional<std::string_view> body) {
        message_.text_ = std::string(head);
        const auto end = message_.text_.find("\r\n");
        if (end == std::string::npos) return Error{Errc::malformed, "no start line"};
        if (const auto done = start_line(std::string_view(message_.text_).substr(0, end)); !done) return done.error();
        message_.fields_.reserve(24);
        fields(end + 2);
        if (!message_.has(HeaderId::via)) return Error{Errc::malformed, "no Via"};
        if (body) take_body(*body);
        if (!problem_) problem_ = check(message_);
        if (problem_ && !message_.is_request()) return Error{Errc::malformed, "response: " + problem_->phrase};
        return Parsed{std::move(message_), std::move(problem_)};
    }

private:
    using Span = Message::Span;

    void problem(int status, std::string_view phrase) {
        if (!problem_) problem_ = Problem{status, std::string(phrase)};
    }

    Span span(std::string_view part) const {
        return {static_cast<std::uint32_t>(part.data() - message_.text_.data()),
                static_cast<std::uint32_t>(part.size())};
    }

    // RFC 3261 7.1, 7.2: single spaces. Where there are more the line is refused, as RFC 4475 3.1.2.8 to 10 allow: what
    // stands between could be read in two ways.
    Result<void> start_line(std::string_view line) {
        if (equal_ignoring_case(line.substr(0, 4), "SIP/")) return status_line(line);
        const auto trimmed = trim(line, " \t");
        if (trimmed.size() != line.size()) problem(400, "Bad Request Line");
        const auto first = trimmed.find(' ');
        const auto last = trimmed.rfind(' ');
        if (first == std::string_view::npos || first == last) return Error{Errc::malformed, "no request line"};
        const auto method = trimmed.substr(0, first);
        const auto version = trimmed.substr(last + 1);
        if (!is_token(method) || !equal_ignoring_case(version.substr(0, 4), "SIP/"))
            return Error{Errc::malformed, "no request line"};
        if (!equal_ignoring_case(version, "SIP/2.0")) problem(505, {});
        message_.method_ = method_from(method);
        message_.method_text_ = span(method);
        message_.uri_ = span(trimmed.substr(first + 1, last - first - 1));
        return {};
    }

    Result<void> status_line(std::string_view line) {
        const auto space = line.find(' ');
        if (space == std::string_view::npos) return Error{Errc::malformed, "no status code"};
        if (!equal_ignoring_case(line.substr(0, space), "SIP/2.0"))
            return Error{Errc::malformed, "version of a response"};
        const auto rest = line.substr(space + 1);
        const auto status = parse_number<int>(rest.substr(0, 3));
        if (!status || *status < 100 || *status > 699 || (rest.size() > 3 && rest[3] != ' '))
            return Error{Errc::malformed, "bad status code"};
        message_.status_ = *status;
        message_.phrase_ = span(rest.size() > 3 ? rest.substr(4) : rest.substr(3));
        return {};
    }

    void fields(std::size_t at) {
        auto& text = message_.text_;
        while (at < text.size()) {
            auto end = text.find("\r\n", at);
            if (end == std::string::npos) end = text.size();
            if (end == at) return;  // the empty line
            // RFC 3261 7.3.1: a line that starts with white space goes on from the one before.
            while (end + 2 < text.size() && (text[end + 2] == ' ' || text[end + 2] == '\t')) {
                text[end] = text[end + 1] = ' ';
                end = std::min(text.find("\r\n", end + 2), text.size());
            }
            if (message_.fields_.size() == limit::header_fields) return problem(400, "Too Many Header Fields");
            field(std::string_view(text).substr(at, end - at));
            at = end + 2;
        }
    }

    void field(std::string_view line) {
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) return problem(400, "Bad Header Field");
        const auto name = trim(line.substr(0, colon), " \t");
        if (!is_token(name) || name.data() != line.data()) return problem(400, "Bad Header Field");
        const auto value = trim(line.substr(colon + 1), " \t");
        const auto n = span(name);
        auto v = span(value);
        if (value.empty()) v = {n.at, 0};
        message_.fields_.push_back({header_from(name), n.at, n.size, v.at, v.size});
    }

    // From the framer the two always agree. In a datagram what is too much is cut off, and too little is an error
    // (18.3).
    void take_body(std::string_view body) {
        if (message_.has(HeaderId::content_length)) {
            const auto length = parse_number<std::size_t>(message_.header(HeaderId::content_length));
            if (!length || *length > body.size()) return problem(400, "Bad Content-Length");
            body = body.substr(0, *length);
        }
        message_.body_ = std::string(body);
    }

    Message message_;
    std::optional<Problem> problem_;
};

Result<Parsed> parse_head(std::string_view head) {
    if (head.size() > limit::head) return Error{Errc::too_long, "head"};
    return MessageParser{}.parse(head, std::nullopt);
}

Result<Parsed> parse_message(std::string_view bytes) {
    const auto empty_line = bytes.find("\r\n\r\n");
    const auto head = bytes.substr(0, empty_line == std::string_view::npos ? bytes.size() : empty_line + 4);
    if (head.size() > limit::head) return Error{Errc::too_long, "head"};
    return MessageParser{}.parse(head, bytes.substr(head.size()));
}

}  // namespace parley::sip
