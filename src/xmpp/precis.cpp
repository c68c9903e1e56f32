#include "xmpp/precis.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>

#include <idn2.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/uscript.h>

#include "base/text.hpp"

namespace parley::xmpp {
namespace {

constexpr std::size_t part_max = 1023;  // RFC 7622 3.2, 3.3, 3.4: octets of each part
constexpr std::size_t part_input_max =
    3 * part_max;                      // mapping can shorten (a fullwidth letter has 3 octets), not by more
constexpr std::size_t label_max = 63;  // RFC 1035 2.3.4
constexpr std::string_view localpart_excluded = "\"&'/:<>@";  // RFC 7622 3.3.1

Error refused(std::string detail) {
    return {Errc::malformed, std::move(detail)};
}

enum class StringClass { identifier, freeform };  // RFC 8264 4.2, 4.3

const icu::Normalizer2& normalizer(bool compatibility) {
    UErrorCode status =
        U_ZERO_ERROR;  // the data of both is compiled into ICU: this cannot fail once the library is loaded
    return compatibility ? *icu::Normalizer2::getNFKCInstance(status) : *icu::Normalizer2::getNFCInstance(status);
}

using Text = std::u32string;

Text to_code_points(const icu::UnicodeString& text) {
    Text out;
    out.reserve(static_cast<std::size_t>(text.length()));
    for (std::int32_t i = 0; i < text.length(); i = text.moveIndex32(i, 1))
        out.push_back(static_cast<char32_t>(text.char32At(i)));
    return out;
}

icu::UnicodeString to_icu(const Text& text) {
    icu::UnicodeString out;
    for (const char32_t c : text) out.append(static_cast<UChar32>(c));
    return out;
}

Text from_utf8(std::string_view text) {
    return to_code_points(
        icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<std::int32_t>(text.size()))));
}

std::string to_utf8(const Text& text) {
    std::string out;
    to_icu(text).toUTF8String(out);
    return out;
}

// --- the code points: RFC 8264 8 and 9 ---

enum class Derived { pvalid, free_pvalid, context, disallowed };

constexpr bool in(char32_t c, char32_t first, char32_t last) {
    return c >= first && c <= last;
}
constexpr bool is_arabic_indic(char32_t c) {
    return in(c, 0x660, 0x669);
}
constexpr bool is_extended_arabic_indic(char32_t c) {
    return in(c, 0x6F0, 0x6F9);
}

std::optional<Derived> exception(char32_t c) {  // RFC 8264 9.6
    switch (c) {
        case 0xDF:
        case 0x3C2:
        case 0x6FD:
        case 0x6FE:
        case 0xF0B:
        case 0x3007: return Derived::pvalid;
        case 0xB7:
        case 0x375:
        case 0x5F3:
        case 0x5F4:
        case 0x30FB: return Derived::context;
        case 0x640:
        case 0x7FA:
        case 0x302E:
        case 0x302F:
        case 0x303B: return Derived::disallowed;
        default: break;
    }
    if (is_arabic_indic(c) || is_extended_arabic_indic(c)) return Derived::context;
    if (in(c, 0x3031, 0x3035)) return Derived::disallowed;
    return std::nullopt;
}

bool has_compatibility(char32_t c) {  // RFC 8264 9.17
    UErrorCode status = U_ZERO_ERROR;
    return !normalizer(true).isNormalized(icu::UnicodeString(static_cast<UChar32>(c)), status);
}

Derived derived_property(char32_t c) {  // RFC 8264 8, in its order
    if (const auto by_exception = exception(c)) return *by_exception;
    const auto cp = static_cast<UChar32>(c);
    const auto category = u_charType(cp);
    if (category == U_UNASSIGNED) return Derived::disallowed;  // Unassigned, and the noncharacters
    if (in(c, 0x21, 0x7E)) return Derived::pvalid;
    if (u_hasBinaryProperty(cp, UCHAR_JOIN_CONTROL)) return Derived::context;
    switch (u_getIntPropertyValue(cp, UCHAR_HANGUL_SYLLABLE_TYPE)) {
        case U_HST_LEADING_JAMO:
        case U_HST_VOWEL_JAMO:
        case U_HST_TRAILING_JAMO: return Derived::disallowed;
        default: break;
    }
    if (u_hasBinaryProperty(cp, UCHAR_DEFAULT_IGNORABLE_CODE_POINT)) return Derived::disallowed;
    if (category == U_CONTROL_CHAR) return Derived::disallowed;
    if (has_compatibility(c)) return Derived::free_pvalid;
    const auto mask = U_MASK(category);
    if (mask & (U_GC_LL_MASK | U_GC_LU_MASK | U_GC_LO_MASK | U_GC_ND_MASK | U_GC_LM_MASK | U_GC_MN_MASK | U_GC_MC_MASK))
        return Derived::pvalid;
    if (mask & (U_GC_LT_MASK | U_GC_NL_MASK | U_GC_NO_MASK | U_GC_ME_MASK | U_GC_ZS_MASK | U_GC_S_MASK | U_GC_P_MASK))
        return Derived::free_pvalid;
    return Derived::disallowed;
}

// RFC 5892 A.1: a ZERO WIDTH NON-JOINER between letters that would otherwise join.
bool breaks_a_join(const Text& text, std::size_t at) {
    const auto joining = [&](std::size_t i) {
        return u_getIntPropertyValue(static_cast<UChar32>(text[i]), UCHAR_JOINING_TYPE);
    };
    std::size_t before = at;
    while (before > 0 && joining(before - 1) == U_JT_TRANSPARENT) --before;
    if (before == 0) return false;
    if (const auto type = joining(before - 1); type != U_JT_LEFT_JOINING && type != U_JT_DUAL_JOINING) return false;
    std::size_t after = at + 1;
    while (after < text.size() && joining(after) == U_JT_TRANSPARENT) ++after;
    if (after == text.size()) return false;
    const auto type = joining(after);
    return type == U_JT_RIGHT_JOINING || type == U_JT_DUAL_JOINING;
}

UScriptCode script_of(char32_t c) {
    UErrorCode status = U_ZERO_ERROR;
    return uscript_getScript(static_cast<UChar32>(c), &status);
}

bool context_allows(const Text& text, std::size_t at) {  // RFC 5892 appendix A
    constexpr std::uint8_t virama = 9;
    const char32_t c = text[at];
    const auto after_virama = [&] {
        return at > 0 && u_getCombiningClass(static_cast<UChar32>(text[at - 1])) == virama;
    };
    switch (c) {
        case 0x200C: return after_virama() || breaks_a_join(text, at);
        case 0x200D: return after_virama();
        case 0xB7: return at > 0 && at + 1 < text.size() && text[at - 1] == U'l' && text[at + 1] == U'l';
        case 0x375: return at + 1 < text.size() && script_of(text[at + 1]) == USCRIPT_GREEK;
        case 0x5F3:
        case 0x5F4: return at > 0 && script_of(text[at - 1]) == USCRIPT_HEBREW;
        case 0x30FB:
            return std::any_of(text.begin(), text.end(), [](char32_t other) {
                const auto script = script_of(other);
                return script == USCRIPT_HIRAGANA || script == USCRIPT_KATAKANA || script == USCRIPT_HAN;
            });
        default: break;
    }
    if (is_arabic_indic(c)) return std::none_of(text.begin(), text.end(), is_extended_arabic_indic);
    if (is_extended_arabic_indic(c)) return std::none_of(text.begin(), text.end(), is_arabic_indic);
    return false;
}

bool belongs_to(StringClass string_class, const Text& text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        switch (derived_property(text[i])) {
            case Derived::pvalid: break;
            case Derived::free_pvalid:
                if (string_class == StringClass::identifier) return false;
                break;
            case Derived::context:
                if (!context_allows(text, i)) return false;
                break;
            case Derived::disallowed: return false;
        }
    }
    return true;
}

// --- the rules of a profile: RFC 8264 5.2 ---

void map_width(Text& text) {  // 5.2.1
    for (char32_t& c : text) {
        const auto cp = static_cast<UChar32>(c);
        const auto type = u_getIntPropertyValue(cp, UCHAR_DECOMPOSITION_TYPE);
        if (type != U_DT_WIDE && type != U_DT_NARROW) continue;
        icu::UnicodeString mapping;  // always one code point for these two types
        if (normalizer(true).getRawDecomposition(cp, mapping) && mapping.countChar32() == 1)
            c = static_cast<char32_t>(mapping.char32At(0));
    }
}

// 5.2.3: toLowerCase() for each code point by itself. A final sigma stays a final sigma, and a capital one becomes a
// plain small one wherever it stands (the examples of RFC 7622 3.5), so that the mapping does not depend on the
// neighbours.
Text lower_case(const Text& text) {
    constexpr char32_t capital_i_with_dot = 0x130;  // the only unconditional lower case of two code points
    Text out;
    out.reserve(text.size());
    for (const char32_t c : text) {
        if (c == capital_i_with_dot)
            out.append(U"i\u0307");
        else
            out.push_back(static_cast<char32_t>(u_tolower(static_cast<UChar32>(c))));
    }
    return out;
}

Text to_nfc(const Text& text) {
    UErrorCode status = U_ZERO_ERROR;
    return to_code_points(normalizer(false).normalize(to_icu(text), status));
}

bool is_right_to_left(UCharDirection d) {
    return d == U_RIGHT_TO_LEFT || d == U_RIGHT_TO_LEFT_ARABIC || d == U_ARABIC_NUMBER;
}

// RFC 5893 2; asked only of a text in which something runs from right to left.
bool obeys_bidi_rule(const Text& text) {
    const auto direction = [](char32_t c) { return u_charDirection(static_cast<UChar32>(c)); };
    if (std::none_of(text.begin(), text.end(), [&](char32_t c) { return is_right_to_left(direction(c)); })) return true;
    const auto first = direction(text.front());
    const bool rtl = first == U_RIGHT_TO_LEFT || first == U_RIGHT_TO_LEFT_ARABIC;
    if (!rtl) return false;  // condition 1, and condition 5 refuses R, AL and AN after an L
    bool european = false, arabic = false;
    for (const char32_t c : text) {
        switch (direction(c)) {
            case U_EUROPEAN_NUMBER: european = true; break;
            case U_ARABIC_NUMBER: arabic = true; break;
            case U_RIGHT_TO_LEFT:
            case U_RIGHT_TO_LEFT_ARABIC:
            case U_EUROPEAN_NUMBER_SEPARATOR:
            case U_COMMON_NUMBER_SEPARATOR:
            case U_EUROPEAN_NUMBER_TERMINATOR:
            case U_OTHER_NEUTRAL:
            case U_BOUNDARY_NEUTRAL:
            case U_DIR_NON_SPACING_MARK: break;
            default: return false;  // condition 2
        }
    }
    if (european && arabic) return false;  // condition 4
    auto last = text.rbegin();             // condition 3
    while (last != text.rend() && direction(*last) == U_DIR_NON_SPACING_MARK) ++last;
    return last != text.rend() && (is_right_to_left(direction(*last)) || direction(*last) == U_EUROPEAN_NUMBER);
}

// --- the two profiles ---

Result<Text> username_case_mapped(Text text) {  // RFC 8265 3.3.3
    map_width(text);
    if (!belongs_to(StringClass::identifier, text)) return refused("a code point is not allowed in a localpart");
    text = to_nfc(lower_case(text));
    if (!obeys_bidi_rule(text)) return refused("the localpart mixes writing directions");
    if (!belongs_to(StringClass::identifier, text)) return refused("a code point is not allowed in a localpart");
    return text;
}

Result<Text> opaque_string(Text text) {  // RFC 8265 4.2.2
    if (!belongs_to(StringClass::freeform, text)) return refused("a code point is not allowed");
    for (char32_t& c : text)
        if (u_charType(static_cast<UChar32>(c)) == U_SPACE_SEPARATOR) c = U' ';
    text = to_nfc(text);
    if (!belongs_to(StringClass::freeform, text)) return refused("a code point is not allowed");
    return text;
}

using Profile = Result<Text> (*)(Text);

// RFC 8264 7: what a second run would change again is no identifier.
Result<std::string> enforce(Profile profile, std::string_view utf8) {
    if (!is_utf8(utf8)) return refused("not UTF-8");
    const auto once = profile(from_utf8(utf8));
    if (!once) return once.error();
    const auto twice = profile(*once);
    if (!twice || *twice != *once) return refused("not stable under its own profile");
    return to_utf8(*once);
}

Result<void> check_input(std::string_view text) {
    if (text.empty()) return refused("an empty part");
    if (text.size() > part_input_max) return Error{Errc::too_long, "a part over 1023 octets"};
    return {};
}

Result<std::string> checked_length(std::string text) {
    if (text.empty()) return refused("an empty part");
    if (text.size() > part_max) return Error{Errc::too_long, "a part over 1023 octets"};
    return text;
}

bool all_in(std::string_view text, char first, char last) {
    return std::all_of(text.begin(), text.end(), [=](char c) { return c >= first && c <= last; });
}

// --- domainparts: RFC 7622 3.2 ---

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_ldh_label(std::string_view label) {  // RFC 5890 2.3.1, in lower case; an A-label is one too
    if (label.empty() || label.size() > label_max || label.front() == '-' || label.back() == '-') return false;
    if (label.size() >= 4 && label.substr(2, 2) == "--" && !label.starts_with("xn--")) return false;  // reserved
    return std::all_of(label.begin(), label.end(),
                       [](char c) { return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-'; });
}

Result<std::string> ipv6_literal(std::string_view text) {
    if (text.size() < 2 || text.back() != ']') return refused("an IP literal without its ]");
    const std::string inner(text.substr(1, text.size() - 2));
    std::array<unsigned char, 16> address{};
    std::array<char, INET6_ADDRSTRLEN> printed{};
    if (inner.find('\0') != std::string::npos || inet_pton(AF_INET6, inner.c_str(), address.data()) != 1)
        return refused("not an IPv6 address");
    if (!inet_ntop(AF_INET6, address.data(), printed.data(), printed.size())) return refused("not an IPv6 address");
    return "[" + std::string(printed.data()) + "]";
}

struct FreeIdn {
    void operator()(void* memory) const { idn2_free(memory); }
};

// A-labels become U-labels; every label must be what IDNA2008 allows at look-up (RFC 5891 5), without the mappings of
// UTS 46.
Result<std::string> to_u_labels(const std::string& domain) {
    const auto lookup = [](const std::string& text) -> std::unique_ptr<std::uint8_t, FreeIdn> {
        std::uint8_t* ascii = nullptr;
        const auto* input = reinterpret_cast<const std::uint8_t*>(text.c_str());  // NOLINT: the C interface of libidn2
        if (idn2_lookup_u8(input, &ascii, IDN2_NFC_INPUT | IDN2_NO_TR46) != IDN2_OK) return nullptr;
        return std::unique_ptr<std::uint8_t, FreeIdn>(ascii);
    };
    const auto ascii = lookup(domain);
    if (!ascii) return refused("not a domain name by IDNA2008");
    char* unicode = nullptr;
    const auto* a_labels = reinterpret_cast<const char*>(ascii.get());  // NOLINT: as above
    if (idn2_to_unicode_8z8z(a_labels, &unicode, 0) != IDN2_OK) return refused("not a domain name by IDNA2008");
    const std::unique_ptr<char, FreeIdn> owner(unicode);
    std::string result(unicode);
    const auto again = lookup(result);
    if (!again || std::string_view(a_labels) != reinterpret_cast<const char*>(again.get()))  // NOLINT: as above
        return refused("an A-label that is not what its U-label gives");
    return result;
}

Result<std::string> domain_name(std::string_view text) {
    std::string domain;
    const bool ascii = all_in(text, 0, 0x7F);
    if (ascii) {
        domain = to_lower(text);
    } else {
        if (!is_utf8(text) || text.find('\0') != std::string_view::npos) return refused("not UTF-8");
        Text mapped = from_utf8(text);
        map_width(mapped);
        for (char32_t& c : mapped)
            if (c == 0x3002) c = U'.';  // RFC 5895 2, step 4
        domain = to_utf8(to_nfc(lower_case(mapped)));
    }
    if (domain.ends_with('.')) domain.pop_back();

    bool convert = false, numeric = true;
    for (const auto& label : split(domain, '.')) {
        const bool plain = all_in(label, 0, 0x7F);
        if (label.empty() || (plain && !is_ldh_label(label))) return refused("not a domain name");
        convert = convert || !plain || label.starts_with("xn--");
        numeric = std::all_of(label.begin(), label.end(), is_digit);
    }
    if (numeric) {  // no name ends in a numeric label: it must be an IPv4 address
        std::array<unsigned char, 4> address{};
        if (inet_pton(AF_INET, domain.c_str(), address.data()) != 1) return refused("not an IPv4 address");
    }
    return convert ? to_u_labels(domain) : domain;
}

// What most names are, and what stays as it is: every address of every stanza passes here.
bool is_plain_domain(std::string_view text) {
    for (;;) {
        const auto dot = text.find('.');
        const auto label = text.substr(0, dot);
        if (!is_ldh_label(label) || label.starts_with("xn--")) return false;
        if (dot == std::string_view::npos) return !std::all_of(label.begin(), label.end(), is_digit);
        text.remove_prefix(dot + 1);
    }
}

// The same of a localpart.
constexpr auto plain_in_localpart = [] {
    std::array<bool, 256> plain{};
    for (std::size_t c = 0x21; c <= 0x7E; ++c)
        plain[c] = (c < 'A' || c > 'Z') && localpart_excluded.find(static_cast<char>(c)) == std::string_view::npos;
    return plain;
}();

bool is_plain_localpart(std::string_view text) {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return plain_in_localpart[static_cast<unsigned char>(c)]; });
}

}  // namespace

Result<std::string> prepare_localpart(std::string_view text) {
    if (const auto fits = check_input(text); !fits) return fits.error();
    if (is_plain_localpart(text)) return checked_length(std::string(text));
    auto prepared =
        all_in(text, 0x21, 0x7E) ? Result<std::string>(to_lower(text)) : enforce(username_case_mapped, text);
    if (!prepared) return prepared;
    if (prepared->find_first_of(localpart_excluded) != std::string::npos)
        return refused("one of \"&'/:<>@ in a localpart");
    return checked_length(*std::move(prepared));
}

Result<std::string> prepare_domainpart(std::string_view text) {
    if (const auto fits = check_input(text); !fits) return fits.error();
    if (text.front() == '[') return ipv6_literal(text);
    if (is_plain_domain(text)) return checked_length(std::string(text));
    auto prepared = domain_name(text);
    if (!prepared) return prepared;
    // An A-label may decode to what no mapping gives: a second run shows it.
    if (const auto again = domain_name(*prepared); !again || *again != *prepared)
        return refused("not stable under its own mapping");
    return checked_length(*std::move(prepared));
}

Result<std::string> prepare_resourcepart(std::string_view text) {
    if (const auto fits = check_input(text); !fits) return fits.error();
    if (all_in(text, 0x20, 0x7E)) return checked_length(std::string(text));
    auto prepared = enforce(opaque_string, text);
    if (!prepared) return prepared;
    return checked_length(*std::move(prepared));
}

Result<std::string> prepare_password(std::string_view text) {
    return prepare_resourcepart(text);
}

}  // namespace parley::xmpp
