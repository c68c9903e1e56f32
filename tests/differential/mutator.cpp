#include "mutator.hpp"

#include <array>
#include <string_view>

namespace parley::differential {
namespace {

using namespace std::string_view_literals;

// What header grammars turn on, and what has fooled parsers before.
constexpr std::array pieces{"\r\n"sv,
                            "\n"sv,
                            "\r"sv,
                            " "sv,
                            "\t"sv,
                            ";"sv,
                            ","sv,
                            ":"sv,
                            "\""sv,
                            "\\"sv,
                            "<"sv,
                            ">"sv,
                            "@"sv,
                            "="sv,
                            "%00"sv,
                            "%41"sv,
                            "\0"sv,
                            "\r\n "sv,
                            ";tag=x"sv,
                            ";branch=z9hG4bKx"sv,
                            ";lr"sv,
                            "?x=y"sv,
                            "-1"sv,
                            "0"sv,
                            "4294967297"sv,
                            "99999999999999999999"sv,
                            "SIP/2.0"sv,
                            "sip:"sv,
                            "tel:1"sv,
                            "\xc3\xbc"sv,
                            "\xff"sv,
                            "[::1]"sv,
                            "Via: SIP/2.0/TLS h;branch=z9hG4bKq\r\n"sv,
                            "Call-ID: other\r\n"sv,
                            "i: other\r\n"sv,
                            "CSeq: 7 BYE\r\n"sv,
                            "l: 3\r\n"sv,
                            "Content-Length: 0\r\n"sv,
                            "t: <sip:o@p>;tag=other\r\n"sv,
                            "f: <sip:o@p>;tag=other\r\n"sv,
                            "X: "sv,
                            "\r\n\r\n"sv};

std::size_t somewhere(const std::string& text, Random& random) {
    return random.below(text.size() + 1);
}

std::pair<std::size_t, std::size_t> some_line(const std::string& text, Random& random) {
    auto begin = text.rfind("\r\n", somewhere(text, random));
    begin = begin == std::string::npos ? 0 : begin + 2;
    const auto end = text.find("\r\n", begin);
    return {begin, end == std::string::npos ? text.size() : end + 2};
}

void change(std::string& text, const std::vector<std::string>& seeds, Random& random) {
    if (text.empty()) return;
    const auto at = somewhere(text, random);
    switch (random.below(10)) {
        case 0:
            if (at < text.size()) text[at] = static_cast<char>(random.next());
            break;
        case 1:
            if (at < text.size()) text.erase(at, 1 + random.below(8));
            break;
        case 2:
        case 3:
        case 4: text.insert(at, pieces[random.below(pieces.size())]); break;
        case 5: {  // a line twice
            const auto [begin, end] = some_line(text, random);
            text.insert(end, text.substr(begin, end - begin));
            break;
        }
        case 6: {  // a line less
            const auto [begin, end] = some_line(text, random);
            text.erase(begin, end - begin);
            break;
        }
        case 7: {  // a line of another message
            const auto& other = seeds[random.below(seeds.size())];
            const auto [begin, end] = some_line(other, random);
            text.insert(some_line(text, random).first, other.substr(begin, end - begin));
            break;
        }
        case 8: {  // one byte replaced by a delimiter
            if (at < text.size()) text.replace(at, 1, pieces[random.below(pieces.size())]);
            break;
        }
        default: {  // a piece moved
            const auto size = random.below(12);
            const auto part = text.substr(at, size);
            text.erase(at, size);
            text.insert(somewhere(text, random), part);
            break;
        }
    }
}

// Most mutants get a right length again, or nearly all of them would end at the framer.
void mend_length(std::string& text) {
    const auto end = text.find("\r\n\r\n");
    if (end == std::string::npos) return;
    const auto length = std::to_string(text.size() - end - 4);
    for (const auto name : {"\r\nContent-Length:"sv, "\r\nl:"sv, "\r\nL:"sv, "\r\nContent-Length   :"sv}) {
        const auto at = text.find(name);
        if (at > end) continue;
        const auto value = at + name.size();
        text.replace(value, text.find("\r\n", value) - value, " " + length);
        return;
    }
}

}  // namespace

std::string mutate(const std::vector<std::string>& seeds, Random& random) {
    auto text = seeds[random.below(seeds.size())];
    for (auto changes = 1 + random.below(2); changes > 0; --changes) change(text, seeds, random);
    if (random.below(8) != 0) mend_length(text);
    return text;
}

}  // namespace parley::differential
