#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include <boost/container/deque.hpp>

#include "base/error.hpp"
#include "base/limits.hpp"
#include "xml/builder.hpp"
#include "xml/element.hpp"

struct XML_ParserStruct;

namespace parley::xml {

struct ParserLimits {
    std::size_t tag = Limits{}.xml_tag;         // bytes of one start tag
    std::size_t element = Limits{}.stanza_c2s;  // bytes of one child of the root
    std::size_t depth = Limits{}.xml_depth;
    std::size_t attributes = Limits{}.xml_attributes;  // of one element
    std::size_t namespaces = Limits{}.xml_namespaces;  // declared in one child of the root
};

// Gives an expat parser back to its thread's spare ones.
struct ExpatDeleter {
    bool grown = false;  // its buffers: it goes for good
    void operator()(XML_ParserStruct* parser) const;
};

// An XML stream (RFC 6120 4): a root that stays open, and the elements inside it one after another. Bytes in, items
// out, no I/O. RFC 6120 11.1: no DTD, processing instruction, comment or entity reference beyond the five.
//
// Two defences shape it. expat scans an unfinished tag again at each feed, so bytes are fed at a '>' or when what waits
// has doubled. And an expat parser weighs 9.5 KiB, so release() gives it back between two elements; the next byte takes
// another and feeds it the remembered root tag.
class StreamParser {
public:
    struct Header {
        Element root;  // attributes only
    };
    struct End {};
    using Item = std::variant<Header, Element, End>;

    explicit StreamParser(ParserLimits limits = {});
    ~StreamParser();
    StreamParser(StreamParser&&) noexcept;
    StreamParser& operator=(StreamParser&&) noexcept;

    // Takes bytes; what has become whole waits for next(). malformed: not well-formed; forbidden: restricted XML (RFC
    // 6120 4.9.3.18); too_long: a limit. After an error the parser takes nothing more; items that were whole before it
    // are still given.
    Result<> feed(std::string_view bytes);
    std::optional<Item> next();

    void reset();    // a new stream begins (after STARTTLS and SASL); what has been read beyond is dropped
    void release();  // frees memory if nothing is unfinished; no other effect
    bool mid_element() const { return in_element_ || !waiting_.empty(); }
    void set_limits(ParserLimits limits) { limits_ = limits; }

private:
    struct Callbacks;
    void create();
    Result<> parse(std::string_view bytes);
    void fail(Errc code, const char* detail);

    std::unique_ptr<XML_ParserStruct, ExpatDeleter> expat_;
    ParserLimits limits_;
    Builder builder_;
    boost::container::deque<Item> items_;  // unlike std::deque it holds no memory when it is empty
    std::string waiting_;                  // not fed yet
    std::string root_tag_;                 // what re-opens the root after release()
    std::string root_declarations_;
    std::optional<Error> error_;
    std::int64_t replayed_ = 0;       // bytes of root_tag_ in expat's count
    std::int64_t fed_ = 0;            // bytes given to this expat parser
    std::int64_t element_start_ = 0;  // expat byte index where the current child of the root began
    std::size_t unfinished_ = 0;      // bytes that expat will scan again
    std::size_t namespaces_ = 0;
    int stalls_ = 0;  // feeds in a row that finished no token
    bool root_open_ = false;
    bool replaying_ = false;
    bool in_element_ = false;
};

// A complete document, such as a PIDF body. An XML declaration and comments are fine, a DTD or a processing instruction
// is not. Size is the caller's concern (limits.element is applied).
Result<Element> parse_document(std::string_view text, const ParserLimits& limits = {});

}  // namespace parley::xml
