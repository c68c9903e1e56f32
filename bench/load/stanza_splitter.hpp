#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace parley::bench {

// Cuts an XMPP stream into its header, its top-level elements and its end, without building anything. Knows quotes,
// self-closing tags, comments, CDATA and processing instructions; does not check names. `reset()` may be called by the
// receiver of an item: the bytes that follow then belong to a new stream (RFC 6120 §4.3.3).
class StanzaSplitter {
public:
    enum class Item { header, stanza, end };

    void reset() {
        depth_ = 0;
        state_ = State::text;
    }
    void enter_stream() {  // as if a header had been read
        reset();
        depth_ = 1;
    }

    // Calls `receive(Item, std::string_view)` for each complete item. The view ends with the call. False if an item
    // grew over `max_item`.
    template <class Receive>
    bool feed(std::string_view bytes, Receive receive) {
        if (pending_.empty()) {
            const auto used = split(bytes, 0, receive);
            pending_.assign(bytes.substr(used));
        } else {
            const auto from = pending_.size();
            pending_.append(bytes);
            const auto used = split(pending_, from, receive);
            pending_.erase(0, used);
        }
        return pending_.size() <= max_item;
    }

private:
    static constexpr std::size_t max_item = 1024 * 1024;
    enum class State : std::uint8_t { text, tag_open, tag, quoted, instruction, declaration, cdata, comment };

    // Scans from `from` (what is before was scanned by an earlier call) and returns how many bytes are done with.
    template <class Receive>
    std::size_t split(std::string_view bytes, std::size_t from, Receive& receive) {
        std::size_t start = 0;  // of the present item
        for (auto i = from; i < bytes.size(); ++i) {
            const char c = bytes[i];
            switch (state_) {
                case State::text: {
                    i = std::min(bytes.find('<', i), bytes.size());
                    if (depth_ <= 1) start = i;  // whitespace between stanzas belongs to nobody
                    if (i < bytes.size()) state_ = State::tag_open;
                    break;
                }
                case State::tag_open:
                    closing_ = c == '/';
                    last_ = c;
                    state_ = c == '?' ? State::instruction : c == '!' ? State::declaration : State::tag;
                    break;
                case State::tag:
                    if (c == '"' || c == '\'') {
                        quote_ = c;
                        state_ = State::quoted;
                    } else if (c == '>') {
                        state_ = State::text;
                        const bool empty = last_ == '/' && !closing_;
                        if (closing_) {
                            if (depth_ > 0) --depth_;
                        } else if (!empty) {
                            ++depth_;
                        }
                        const auto item = bytes.substr(start, i + 1 - start);
                        if (!closing_ && !empty && depth_ == 1) {
                            start = i + 1;
                            receive(Item::header, item);
                        } else if (depth_ == 1) {
                            start = i + 1;
                            receive(Item::stanza, item);
                        } else if (depth_ == 0) {
                            start = i + 1;
                            receive(Item::end, item);
                        }
                    }
                    last_ = c;
                    break;
                case State::quoted:
                    i = std::min(bytes.find(quote_, i), bytes.size());
                    if (i < bytes.size()) state_ = State::tag;
                    last_ = quote_;
                    break;
                case State::instruction:
                    if (c == '>' && last_ == '?') state_ = State::text;
                    last_ = c;
                    break;
                case State::declaration:  // decided by the next character: "<!-" or "<!["
                    state_ = c == '-' ? State::comment : State::cdata;
                    run_ = 0;
                    break;
                case State::comment:
                case State::cdata: {
                    const char part = state_ == State::comment ? '-' : ']';
                    if (c == '>' && run_ >= 2) {
                        state_ = State::text;
                    } else {
                        run_ = c == part ? run_ + 1 : 0;
                    }
                    break;
                }
            }
        }
        return std::min(start, bytes.size());
    }

    std::string pending_;
    int depth_ = 0;
    int run_ = 0;
    State state_ = State::text;
    bool closing_ = false;
    char last_ = 0;
    char quote_ = 0;
};

// The name of an element given as text: "iq" of `<iq id='1'/>`.
std::string_view element_name(std::string_view element);
// The raw value of an attribute of its first tag; empty if there is none.
std::string_view attribute(std::string_view element, std::string_view name);
// The raw text between the first `<name ...>` (the element itself or inside it) and the next tag; empty if there is
// none.
std::string_view child_text(std::string_view element, std::string_view name);

}  // namespace parley::bench
