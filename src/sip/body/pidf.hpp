#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace parley::sip {

// What one document may hold. Real ones have one to five tuples; a note is a line of text.
namespace pidf_limit {
inline constexpr std::size_t document = 64 * 1024;
inline constexpr std::size_t tuples = 64;
inline constexpr std::size_t persons = 16;
inline constexpr std::size_t devices = 64;
inline constexpr std::size_t activities = 64;  // of one tuple or person
inline constexpr std::size_t notes = 32;       // of one tuple, person, device or document
inline constexpr std::size_t text = 4 * 1024;  // one note, address, name or time
inline constexpr std::size_t token = 64;       // one activity
}  // namespace pidf_limit

// application/pidf+xml (RFC 3863) with the parts of its extensions that say how a person is:
// - person and device (RFC 4479), activities and user-input (RPID, RFC 4480), display-name (CIPID, RFC 4482);
// - the form of RPID's drafts, with activities as text inside a tuple's status, which one family of servers still
// speaks;
// - <show xmlns='jabber:client'/> inside a status (RFC 8048).
// What it does not know it skips, except an element marked mustUnderstand (RFC 3863 4.2.4): then the tuple that holds
// it is left out, or the document is refused. A plain value; all text is UTF-8.
struct Pidf {
    enum class Basic { open, closed };

    struct Note {
        std::string text;
        std::string lang;
        bool operator==(const Note&) const = default;
    };

    struct Tuple {
        std::string id{};
        std::optional<Basic> basic{};
        std::vector<std::string> activities{};  // lower case: "away", "on-the-phone"; written in the drafts' form
        std::string show{};                     // "away", "chat", "dnd", "xa" or empty
        std::string contact{};                  // a URI
        std::optional<int> priority{};          // of the contact, in thousandths: 0 to 1000
        std::vector<Note> notes{};
        std::string timestamp{};  // RFC 3339, as sent
        bool operator==(const Tuple&) const = default;
    };

    struct Person {
        std::string id{};
        std::vector<std::string> activities{};  // element names of RFC 4480
        std::optional<bool> idle{};             // user-input: "idle" or "active"
        std::string last_input{};               // RFC 3339, as sent; with `idle` only
        std::vector<Note> notes{};
        std::string timestamp{};
        bool operator==(const Person&) const = default;
    };

    struct Device {
        std::string id{}, device_id{};
        std::vector<Note> notes{};
        bool operator==(const Device&) const = default;
    };

    std::string entity;        // as sent: "sip:a@b", "pres:a@b", or no scheme at all; may be empty
    std::string display_name;  // of the person, empty when not said
    std::vector<Tuple> tuples;
    std::vector<Note> notes;
    std::vector<Person> persons;
    std::vector<Device> devices;

    // The entity without its scheme.
    std::string_view entity_address() const;
    bool operator==(const Pidf&) const = default;
};

// Errors: malformed (no XML, another root, an element that must be understood), forbidden (a DTD), too_long (a limit).
Result<Pidf> decode_pidf(std::string_view document);

// With an XML declaration and prefixes on all extensions: old parsers compare prefixed names. A tuple without an id
// gets one, and so does a person or a device; text that is no XML text (control characters) loses those characters.
std::string encode_pidf(const Pidf& pidf);

}  // namespace parley::sip
