#include "sip/framer.hpp"

#include "base/text.hpp"
#include "sip/limits.hpp"

namespace parley::sip {
namespace {

// RFC 3261 25.1: quoted-pair = "\" (%x00-09 / ...). Nowhere else may a NUL stand.
bool nul_is_quoted(std::string_view line) {
    bool quoted = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '"') quoted = !quoted;
        if (quoted && line[i] == '\\')
            ++i;
        else if (line[i] == '\0')
            return false;
    }
    return true;
}

}  // namespace

void Framer::feed(std::string_view bytes) {
    if (dead_) return;
    if (begin_ > 0) {
        buffer_.erase(0, begin_);
        line_ -= begin_;
        scanned_ -= begin_;
        if (head_end_ > 0) head_end_ -= begin_;
        begin_ = 0;
    }
    buffer_.append(bytes);
}

void Framer::start_over() {
    line_ = scanned_ = begin_;
    head_end_ = fields_ = 0;
    last_was_length_ = false;
    length_.reset();
    broken_.reset();
}

Framer::Item Framer::fail(std::size_t head_end, int status, std::string_view phrase) {
    dead_ = true;
    const std::string_view head(buffer_.data() + begin_, head_end > begin_ ? head_end - begin_ : 0);
    return {Item::Kind::fatal, head, Problem{status, std::string(phrase)}};
}

// Only what decides where the message ends; parse_message() reads the rest.
std::optional<Problem> Framer::scan_line(std::string_view line) {
    const bool folded = line[0] == ' ' || line[0] == '\t';
    if (folded) {
        if (last_was_length_) return Problem{400, "Folded Content-Length"};
        return {};
    }
    last_was_length_ = false;
    const bool start_line = fields_ == 0;
    if (++fields_ > limit::header_fields + 1) return Problem{400, "Too Many Header Fields"};
    const auto colon = line.find(':');
    if (start_line || colon == std::string_view::npos) return {};
    if (header_from(trim(line.substr(0, colon), " \t")) != HeaderId::content_length) return {};
    last_was_length_ = true;
    if (length_) return Problem{400, "Repeated Content-Length"};
    length_ = parse_number<std::size_t>(trim(line.substr(colon + 1), " \t"));
    if (!length_) return Problem{400, "Bad Content-Length"};
    if (*length_ > limit::body) return Problem{413, {}};
    return {};
}

Framer::Item Framer::next() {
    if (dead_) return {Item::Kind::fatal, {}, {}};
    if (head_end_ == 0 && line_ == begin_) {
        while (buffer_.size() - begin_ >= 2 && buffer_[begin_] == '\r' && buffer_[begin_ + 1] == '\n') begin_ += 2;
        if (begin_ != line_) start_over();
    }
    while (head_end_ == 0) {
        const auto lf = buffer_.find('\n', scanned_);
        if (lf == std::string::npos) {
            scanned_ = buffer_.size();
            if (scanned_ - line_ > limit::header_line) return fail(0, 513, "Header Line Too Long");
            return {};
        }
        if (lf + 1 - begin_ > limit::head) return fail(0, 513, "Head Too Long");
        if (lf - line_ > limit::header_line) return fail(0, 513, "Header Line Too Long");
        if (lf == line_ || buffer_[lf - 1] != '\r') return fail(0, 400, "Bare LF");
        const std::string_view line(buffer_.data() + line_, lf - 1 - line_);
        if (line.find('\r') != std::string_view::npos) return fail(0, 400, "Bare CR");
        if (line.find('\0') != std::string_view::npos && !nul_is_quoted(line)) return fail(0, 400, "NUL");
        line_ = scanned_ = lf + 1;
        if (line.empty())
            head_end_ = lf + 1;
        else if (auto problem = scan_line(line); problem && !broken_)
            broken_ = std::move(problem);
    }
    if (broken_) return fail(head_end_, broken_->status, broken_->phrase);
    if (!length_) return fail(head_end_, 400, "Missing Content-Length");
    const auto end = head_end_ + *length_;
    if (buffer_.size() < end) return {};
    const Item item{Item::Kind::message, std::string_view(buffer_).substr(begin_, end - begin_), {}};
    begin_ = end;
    start_over();
    return item;
}

}  // namespace parley::sip
