#include "xml/parser.hpp"

#include <algorithm>
#include <random>
#include <vector>

#include <expat.h>

#include "xml/writer.hpp"

namespace parley::xml {
namespace {

// A token that arrives in more pieces than this, each ending in '>', is an attack on expat's re-scanning.
constexpr int stalls_allowed = 32;

// Fed more than this at once, a parser has grown and is not worth keeping.
constexpr std::size_t grown_from = std::size_t{16} * 1024;

thread_local bool spare_is_gone = false;  // the thread ends: a stream that outlives its spare parsers frees its own

// Parsers that a stream of this thread has no use for at the moment. Making one costs a dozen allocations, and freeing
// thousands after a wave of log-ins leaves a heap full of holes.
class Spare {
public:
    static constexpr std::size_t most = 64;  // 0.6 MiB

    ~Spare() {
        spare_is_gone = true;
        for (auto* parser : parsers_) XML_ParserFree(parser);
    }
    XML_Parser take() {
        if (parsers_.empty()) return XML_ParserCreateNS("UTF-8", name_separator);
        auto* parser = parsers_.back();
        parsers_.pop_back();
        return parser;
    }
    void give(XML_Parser parser) {
        if (parsers_.size() < most && XML_ParserReset(parser, "UTF-8") == XML_TRUE)
            parsers_.push_back(parser);
        else
            XML_ParserFree(parser);
    }

private:
    std::vector<XML_Parser> parsers_;
};

Spare& spare() {
    static thread_local Spare parsers;
    return parsers;
}

// Against names chosen to collide in expat's tables. One secret for the process: left to itself, expat asks the kernel
// for a new one with each parser.
unsigned long hash_salt() {
    static const unsigned long salt = [] {
        std::random_device device;
        return (static_cast<unsigned long>(device()) << 32 | device()) | 1;  // 0 would mean: none
    }();
    return salt;
}

std::size_t count(const char** attributes) {
    std::size_t n = 0;
    while (attributes[n]) ++n;
    return n / 2;
}

bool is_white_space(std::string_view text) {
    return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

// Of the tag that is being told: its name as it was written, prefix and all. The end tag has to repeat that, and expat
// tells only what it means.
std::string_view written_name(XML_Parser parser) {
    int offset = 0;
    int size = 0;
    const char* const text = XML_GetInputContext(parser, &offset, &size);
    if (!text || offset >= size) return "r";
    const auto name =
        std::string_view(text, static_cast<std::size_t>(size)).substr(static_cast<std::size_t>(offset) + 1);
    return name.substr(0, name.find_first_of(" \t\r\n/>"));
}

}  // namespace

void ExpatDeleter::operator()(XML_ParserStruct* parser) const {
    if (grown || spare_is_gone)
        XML_ParserFree(parser);
    else
        spare().give(parser);
}

struct StreamParser::Callbacks {
    static StreamParser& self(void* data) { return *static_cast<StreamParser*>(data); }

    static void start(void* data, const XML_Char* name, const XML_Char** attributes) {
        auto& p = self(data);
        if (p.error_ || p.replaying_) return;
        if (static_cast<std::size_t>(XML_GetCurrentByteCount(p.expat_.get())) > p.limits_.tag)
            return p.fail(Errc::too_long, "a tag is too long");
        if (count(attributes) > p.limits_.attributes)
            return p.fail(Errc::too_long, "an element has too many attributes");
        if (!p.root_open_) {
            p.root_open_ = true;
            auto root = Builder::open(name, attributes);
            // Prefixed names of the header do not matter for what follows; its declarations do.
            p.root_tag_ = '<' + std::string(written_name(p.expat_.get())) + p.root_declarations_ + '>';
            p.items_.emplace_back(Header{std::move(root)});
            p.namespaces_ = 0;
            return;
        }
        if (p.builder_.depth() == 0) {
            p.in_element_ = true;
            p.element_start_ = XML_GetCurrentByteIndex(p.expat_.get());
        }
        if (p.builder_.depth() >= p.limits_.depth) return p.fail(Errc::too_long, "elements are nested too deeply");
        p.builder_.push(Builder::open(name, attributes));
    }

    static void end(void* data, const XML_Char*) {
        auto& p = self(data);
        if (p.error_ || p.replaying_) return;
        if (p.builder_.depth() == 0) {
            p.items_.emplace_back(End{});
            return;
        }
        if (Element finished; p.builder_.pop(finished)) {
            auto* expat = p.expat_.get();
            const auto end = XML_GetCurrentByteIndex(expat) + XML_GetCurrentByteCount(expat);
            if (static_cast<std::size_t>(end - p.element_start_) > p.limits_.element)
                return p.fail(Errc::too_long, "a stanza is too long");
            p.in_element_ = false;
            p.namespaces_ = 0;
            p.items_.emplace_back(std::move(finished));
        }
    }

    static void text(void* data, const XML_Char* text, int length) {
        auto& p = self(data);
        if (p.error_) return;
        const std::string_view chars(text, static_cast<std::size_t>(length));
        if (p.builder_.depth() > 0)
            p.builder_.text(chars);
        else if (!is_white_space(chars))  // white space between stanzas is a keep-alive
            p.fail(Errc::malformed, "text between stanzas");
    }

    static void declare(void* data, const XML_Char* prefix, const XML_Char* uri) {
        auto& p = self(data);
        if (p.error_ || p.replaying_) return;
        if (++p.namespaces_ > p.limits_.namespaces) return p.fail(Errc::too_long, "too many namespaces are declared");
        if (!p.root_open_)
            write_attribute(p.root_declarations_, prefix ? std::string("xmlns:") + prefix : "xmlns", uri ? uri : "");
    }

    static void doctype(void* data, const XML_Char*, const XML_Char*, const XML_Char*, int) {
        self(data).fail(Errc::forbidden, "a document type declaration");
    }
    static void comment(void* data, const XML_Char*) { self(data).fail(Errc::forbidden, "a comment"); }
    static void instruction(void* data, const XML_Char*, const XML_Char*) {
        self(data).fail(Errc::forbidden, "a processing instruction");
    }
};

StreamParser::StreamParser(ParserLimits limits) : limits_(limits) {}
StreamParser::~StreamParser() = default;

StreamParser::StreamParser(StreamParser&& other) noexcept {
    *this = std::move(other);
}

StreamParser& StreamParser::operator=(StreamParser&& other) noexcept {
    expat_ = std::move(other.expat_);
    limits_ = other.limits_;
    builder_ = std::move(other.builder_);
    items_ = std::move(other.items_);
    waiting_ = std::move(other.waiting_);
    root_tag_ = std::move(other.root_tag_);
    root_declarations_ = std::move(other.root_declarations_);
    error_ = std::move(other.error_);
    replayed_ = other.replayed_;
    fed_ = other.fed_;
    element_start_ = other.element_start_;
    unfinished_ = other.unfinished_;
    namespaces_ = other.namespaces_;
    stalls_ = other.stalls_;
    root_open_ = other.root_open_;
    replaying_ = other.replaying_;
    in_element_ = other.in_element_;
    if (expat_) XML_SetUserData(expat_.get(), this);
    return *this;
}

void StreamParser::create() {
    expat_ = {spare().take(), ExpatDeleter{}};
    auto* parser = expat_.get();
    XML_SetHashSalt(parser, hash_salt());
    XML_SetUserData(parser, this);
    XML_SetElementHandler(parser, &Callbacks::start, &Callbacks::end);
    XML_SetCharacterDataHandler(parser, &Callbacks::text);
    XML_SetStartNamespaceDeclHandler(parser, &Callbacks::declare);
    XML_SetStartDoctypeDeclHandler(parser, &Callbacks::doctype);
    XML_SetCommentHandler(parser, &Callbacks::comment);
    XML_SetProcessingInstructionHandler(parser, &Callbacks::instruction);
    fed_ = replayed_ = element_start_ = 0;
    unfinished_ = 0;
    if (!root_open_) return;
    replaying_ = true;
    XML_Parse(parser, root_tag_.data(), static_cast<int>(root_tag_.size()), 0);
    replaying_ = false;
    fed_ = replayed_ = static_cast<std::int64_t>(root_tag_.size());
}

Result<> StreamParser::feed(std::string_view bytes) {
    if (error_) return *error_;
    // Bytes up to the last '>' may finish something; the rest waits, unless it has grown large.
    const auto last = bytes.rfind('>');
    if (last == std::string_view::npos) {
        if (waiting_.size() + bytes.size() > limits_.element) {
            fail(Errc::too_long, "a stanza is too long");
            return *error_;
        }
        waiting_.append(bytes);
        const auto enough = std::max<std::size_t>(4096, 2 * unfinished_);
        if (waiting_.size() < enough) return {};
        const auto all = std::exchange(waiting_, {});
        return parse(all);
    }
    auto whole = bytes.substr(0, last + 1);
    Result<> done;
    if (!waiting_.empty()) {  // only what it was waiting for is copied, not the rest of a large read
        const auto first = whole.find('>') + 1;
        auto finished = std::exchange(waiting_, {});
        finished.append(whole.substr(0, first));
        done = parse(finished);
        whole.remove_prefix(first);
    }
    if (done && !whole.empty()) done = parse(whole);
    if (done) {
        const auto rest = bytes.substr(last + 1);
        if (!mid_element() && is_white_space(rest)) return done;  // a keep-alive: nothing to keep
        waiting_.append(rest);
    }
    return done;
}

Result<> StreamParser::parse(std::string_view bytes) {
    if (!expat_) create();
    auto* parser = expat_.get();
    if (bytes.size() + unfinished_ > grown_from) expat_.get_deleter().grown = true;
    if (XML_Parse(parser, bytes.data(), static_cast<int>(bytes.size()), 0) != XML_STATUS_OK && !error_)
        error_ = Error{Errc::malformed, XML_ErrorString(XML_GetErrorCode(parser))};
    fed_ += static_cast<std::int64_t>(bytes.size());
    if (error_) return *error_;

    const auto at = XML_GetCurrentByteIndex(parser) + XML_GetCurrentByteCount(parser);
    const auto left = static_cast<std::size_t>(std::max<std::int64_t>(0, fed_ - at));
    stalls_ = left > unfinished_ && unfinished_ > 0 ? stalls_ + 1 : 0;
    unfinished_ = left;
    if (left > limits_.tag)
        fail(Errc::too_long, "a tag is too long");
    else if (stalls_ > stalls_allowed)
        fail(Errc::too_long, "a tag is sent in too many pieces");
    else if (in_element_ && static_cast<std::size_t>(fed_ - element_start_) > limits_.element)
        fail(Errc::too_long, "a stanza is too long");
    if (error_) return *error_;
    return {};
}

void StreamParser::fail(Errc code, const char* detail) {
    if (!error_) error_ = Error{code, detail};
    if (expat_) XML_StopParser(expat_.get(), XML_FALSE);
}

std::optional<StreamParser::Item> StreamParser::next() {
    if (items_.empty()) return std::nullopt;
    std::optional<Item> item(std::move(items_.front()));
    items_.pop_front();
    return item;
}

void StreamParser::reset() {
    *this = StreamParser(limits_);
}

void StreamParser::release() {
    if (!root_open_ || error_ || mid_element() || unfinished_ > 0 || !items_.empty()) return;
    expat_.reset();
    items_.shrink_to_fit();
    waiting_.shrink_to_fit();
    builder_ = {};
}

// --- documents -------------------------------------------------------------------------------------------------------

namespace {

struct Document {
    XML_Parser parser = nullptr;
    const ParserLimits& limits;
    Builder builder{};
    std::optional<Element> root{};
    std::optional<Error> error{};

    void fail(Errc code, const char* detail) {
        if (!error) error = Error{code, detail};
        XML_StopParser(parser, XML_FALSE);
    }
    static Document& self(void* data) { return *static_cast<Document*>(data); }
    static void start(void* data, const XML_Char* name, const XML_Char** attributes) {
        auto& d = self(data);
        if (d.error) return;
        if (d.builder.depth() >= d.limits.depth) return d.fail(Errc::too_long, "elements are nested too deeply");
        if (count(attributes) > d.limits.attributes)
            return d.fail(Errc::too_long, "an element has too many attributes");
        d.builder.push(Builder::open(name, attributes));
    }
    static void end(void* data, const XML_Char*) {
        auto& d = self(data);
        if (d.error) return;
        if (Element finished; d.builder.pop(finished)) d.root = std::move(finished);
    }
    static void text(void* data, const XML_Char* text, int length) {
        auto& d = self(data);
        if (!d.error && d.builder.depth() > 0) d.builder.text({text, static_cast<std::size_t>(length)});
    }
    static void doctype(void* data, const XML_Char*, const XML_Char*, const XML_Char*, int) {
        self(data).fail(Errc::forbidden, "a document type declaration");
    }
    static void instruction(void* data, const XML_Char*, const XML_Char*) {
        self(data).fail(Errc::forbidden, "a processing instruction");
    }
};

}  // namespace

Result<Element> parse_document(std::string_view text, const ParserLimits& limits) {
    if (text.size() > limits.element) return Error{Errc::too_long, "the document is too long"};
    const std::unique_ptr<XML_ParserStruct, decltype(&XML_ParserFree)> parser(
        XML_ParserCreateNS(nullptr, name_separator), &XML_ParserFree);
    Document document{parser.get(), limits};
    XML_SetUserData(parser.get(), &document);
    XML_SetElementHandler(parser.get(), &Document::start, &Document::end);
    XML_SetCharacterDataHandler(parser.get(), &Document::text);
    XML_SetStartDoctypeDeclHandler(parser.get(), &Document::doctype);
    XML_SetProcessingInstructionHandler(parser.get(), &Document::instruction);
    const auto status = XML_Parse(parser.get(), text.data(), static_cast<int>(text.size()), 1);
    if (document.error) return *document.error;
    if (status != XML_STATUS_OK || !document.root)
        return Error{Errc::malformed, XML_ErrorString(XML_GetErrorCode(parser.get()))};
    return *std::move(document.root);
}

}  // namespace parley::xml
