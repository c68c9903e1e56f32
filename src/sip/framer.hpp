#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sip/message.hpp"

namespace parley::sip {

// Cuts a byte stream (TLS, TCP) into SIP messages. RFC 3261 7.5, 18.3, 20.14. CRLF before a start line is skipped: it
// is a keep-alive. What two parsers could cut in two ways is refused, since a peer behind us might cut it the other
// way: a missing, folded, repeated or signed Content-Length, a line that ends in LF or CR alone, NUL outside a quoted
// pair. No byte is looked at twice, however the stream is chopped. One framer for one connection.
class Framer {
public:
    struct Item {
        enum class Kind {
            need_more,
            message,  // `bytes` is one whole message for parse_message()
            fatal,    // the stream cannot be cut any further: answer if there is a head, then close
        };
        Kind kind = Kind::need_more;
        std::string_view
            bytes;        // fatal: the head if it is known, for parse_head(); dies with the next feed() or next()
        Problem problem;  // fatal: what to answer
    };

    void feed(std::string_view bytes);
    Item next();

    std::size_t buffered() const { return buffer_.size() - begin_; }

private:
    Item fail(std::size_t head_end, int status, std::string_view phrase);
    std::optional<Problem> scan_line(std::string_view line);
    void start_over();

    std::string buffer_;
    std::size_t begin_ = 0;     // of the message being read
    std::size_t line_ = 0;      // of the line being read
    std::size_t scanned_ = 0;   // no LF between line_ and here
    std::size_t head_end_ = 0;  // 0 while the head is not complete
    std::size_t fields_ = 0;
    bool last_was_length_ = false;
    std::optional<std::size_t> length_;
    std::optional<Problem> broken_;  // found in a header line; answered when the head is complete
    bool dead_ = false;
};

}  // namespace parley::sip
