#include "sip/body/pidf.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "xml/parser.hpp"
#include "xml/writer.hpp"

namespace parley::sip {
namespace {

using xml::Element;

constexpr std::string_view ns_pidf = "urn:ietf:params:xml:ns:pidf";
constexpr std::string_view ns_model = "urn:ietf:params:xml:ns:pidf:data-model";
constexpr std::string_view ns_rpid = "urn:ietf:params:xml:ns:pidf:rpid";
constexpr std::string_view ns_draft = "urn:ietf:params:xml:ns:pidf:status:rpid-status";
constexpr std::string_view ns_cipid = "urn:ietf:params:xml:ns:pidf:cipid";
constexpr std::string_view ns_client = "jabber:client";
constexpr std::string_view ns_xml = "http://www.w3.org/XML/1998/namespace";

// RFC 3863 prints its namespace with a final colon in one place and without in others; both are in use.
bool is_pidf(std::string_view ns) {
    return ns == ns_pidf || ns == "urn:ietf:params:xml:ns:pidf:";
}

// Each draft of RPID had namespaces of its own (…:pidf:status:rpid-status, …:pidf:rpid-tuple, …:pidf:rpid-person).
bool is_rpid(std::string_view ns) {
    return ns.starts_with("urn:ietf:params:xml:ns:pidf:") && ns.find("rpid") != std::string_view::npos;
}

bool is_cipid(std::string_view ns) {
    return ns.starts_with(ns_cipid);
}
bool is_pidf(const Element& e, std::string_view name) {
    return e.name() == name && is_pidf(e.ns());
}

// Remembers the first limit that was passed, so that the functions below stay short: who reads a document asks once.
class Reader {
public:
    std::optional<Error> error;

    std::string text(std::string_view text, std::size_t most = pidf_limit::text) {
        const auto trimmed = trim(text);
        if (trimmed.size() <= most) return std::string(trimmed);
        over("text");
        return {};
    }

    template <class T>
    void append(std::vector<T>& list, T value, std::size_t most, const char* what) {
        if (list.size() < most)
            list.push_back(std::move(value));
        else
            over(what);
    }

    void over(const char* what) {
        if (!error) error = Error{Errc::too_long, std::string("PIDF: too much of ") + what};
    }

    // An element that we do not know, and without which its parent would be misread (RFC 3863 4.2.4).
    static bool must_be_understood(const Element& e) {
        for (const auto& a : e.attributes())
            if (a.name == "mustUnderstand" && (is_pidf(a.ns) || a.ns.empty()))
                return a.value == "1" || a.value == "true";
        return false;
    }

    void note(std::vector<Pidf::Note>& notes, const Element& e) {
        Pidf::Note note{text(e.text()), text(e.attribute("lang", ns_xml), pidf_limit::token)};
        if (!note.text.empty()) append(notes, std::move(note), pidf_limit::notes, "notes");
    }

    // RFC 4480 has an element for each activity; the drafts had <activity>text</activity>.
    void activities(std::vector<std::string>& list, std::vector<Pidf::Note>& notes, const Element& e) {
        for (const auto* child : e.children()) {
            if (child->name() == "note") {
                note(notes, *child);
                continue;
            }
            auto token = to_lower(child->name() == "activity" ? text(child->text(), pidf_limit::token)
                                                              : text(child->name(), pidf_limit::token));
            if (is_token(token)) append(list, std::move(token), pidf_limit::activities, "activities");
        }
    }

    void user_input(Pidf::Person& person, const Element& e) {
        const auto value = text(e.text(), pidf_limit::token);
        if (value != "idle" && value != "active") return;
        person.idle = value == "idle";
        person.last_input = text(e.attribute("last-input"), pidf_limit::token);
    }

    // An activity is written back as an element's name, so it must be one.
    static bool is_token(std::string_view token) {
        return !token.empty() && token != "note" && token != "activity" && token.front() >= 'a' &&
               token.front() <= 'z' && std::all_of(token.begin(), token.end(), [](char c) {
                   return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
               });
    }
};

// RFC 3863 4.4   qvalue = "0" with up to three decimals, or "1" with up to three zeros.
std::optional<int> parse_priority(std::string_view text) {
    if (text.empty() || (text[0] != '0' && text[0] != '1')) return std::nullopt;
    int value = text[0] == '1' ? 1000 : 0;
    if (text.size() == 1) return value;
    if (text[1] != '.' || text.size() > 16) return std::nullopt;
    int weight = 100;
    for (const char c : text.substr(2)) {
        if (c < '0' || c > '9') return std::nullopt;
        value += (c - '0') * weight;
        weight /= 10;
    }
    return value > 1000 ? std::nullopt : std::optional(value);
}

bool is_show(std::string_view text) {
    return text == "away" || text == "chat" || text == "dnd" || text == "xa";
}

// False when something in it must be understood and is not.
bool read_status(Reader& reader, Pidf::Tuple& tuple, const Element& status) {
    for (const auto* e : status.children()) {
        if (is_pidf(*e, "basic")) {
            const auto value = to_lower(reader.text(e->text()));
            if (value == "open") tuple.basic = Pidf::Basic::open;
            if (value == "closed") tuple.basic = Pidf::Basic::closed;
        } else if (e->is(ns_client, "show")) {
            const auto value = to_lower(reader.text(e->text()));
            if (is_show(value)) tuple.show = value;
        } else if (e->name() == "activities" && is_rpid(e->ns())) {
            reader.activities(tuple.activities, tuple.notes, *e);
        } else if (Reader::must_be_understood(*e)) {
            return false;
        }
    }
    return true;
}

bool read_tuple(Reader& reader, Pidf& pidf, Pidf::Tuple& tuple, const Element& element) {
    tuple.id = reader.text(element.attribute("id"));
    for (const auto* e : element.children()) {
        if (is_pidf(*e, "status")) {
            if (!read_status(reader, tuple, *e)) return false;
        } else if (is_pidf(*e, "contact")) {
            tuple.contact = reader.text(e->text());
            tuple.priority = tuple.contact.empty() ? std::nullopt : parse_priority(trim(e->attribute("priority")));
        } else if (is_pidf(*e, "note")) {
            reader.note(tuple.notes, *e);
        } else if (is_pidf(*e, "timestamp")) {
            tuple.timestamp = reader.text(e->text());
        } else if (e->name() == "activities" && is_rpid(e->ns())) {
            reader.activities(tuple.activities, tuple.notes, *e);
        } else if (e->name() == "display-name" && is_cipid(e->ns())) {
            if (pidf.display_name.empty()) pidf.display_name = reader.text(e->text());
        } else if (Reader::must_be_understood(*e)) {
            return false;
        }
    }
    return true;
}

void read_person(Reader& reader, Pidf& pidf, const Element& element) {
    Pidf::Person person;
    person.id = reader.text(element.attribute("id"));
    for (const auto* e : element.children()) {
        if (e->name() == "activities" && is_rpid(e->ns()))
            reader.activities(person.activities, person.notes, *e);
        else if (e->name() == "user-input" && is_rpid(e->ns()))
            reader.user_input(person, *e);
        else if (e->name() == "note")  // of data-model; some write PIDF's own
            reader.note(person.notes, *e);
        else if (e->name() == "timestamp")
            person.timestamp = reader.text(e->text());
        else if (e->name() == "display-name" && is_cipid(e->ns()) && pidf.display_name.empty())
            pidf.display_name = reader.text(e->text());
    }
    reader.append(pidf.persons, std::move(person), pidf_limit::persons, "persons");
}

void read_device(Reader& reader, Pidf& pidf, const Element& element) {
    Pidf::Device device;
    device.id = reader.text(element.attribute("id"));
    for (const auto* e : element.children()) {
        if (e->name() == "deviceID")
            device.device_id = reader.text(e->text());
        else if (e->name() == "note")
            reader.note(device.notes, *e);
    }
    reader.append(pidf.devices, std::move(device), pidf_limit::devices, "devices");
}

// XML text without what XML cannot carry.
void element(std::string& out, std::string_view name, std::string_view text) {
    out.append("<").append(name).append(">");
    xml::escape(out, text);
    out.append("</").append(name).append(">");
}

void write_notes(std::string& out, const std::vector<Pidf::Note>& notes, std::string_view name) {
    for (const auto& note : notes) {
        out.append("<").append(name);
        if (!note.lang.empty()) xml::write_attribute(out, "xml:lang", note.lang);
        out.append(">");
        xml::escape(out, note.text);
        out.append("</").append(name).append(">");
    }
}

void write_id(std::string& out, std::string_view id, std::string_view prefix, std::size_t index) {
    xml::write_attribute(out, "id", id.empty() ? std::string(prefix) + std::to_string(index) : std::string(id));
}

void write_tuple(std::string& out, const Pidf::Tuple& tuple, std::size_t index) {
    out += "<tuple";
    write_id(out, tuple.id, "t", index);
    out += "><status>";
    if (tuple.basic) element(out, "basic", *tuple.basic == Pidf::Basic::open ? "open" : "closed");
    if (!tuple.activities.empty()) {
        out += "<ep:activities>";
        for (const auto& activity : tuple.activities) element(out, "ep:activity", activity);
        out += "</ep:activities>";
    }
    if (is_show(tuple.show)) out.append("<show xmlns='jabber:client'>").append(tuple.show).append("</show>");
    out += "</status>";
    if (!tuple.contact.empty()) {
        out += "<contact";
        if (tuple.priority) {
            const auto value = std::clamp(*tuple.priority, 0, 1000);
            auto digits = std::to_string(value % 1000);
            digits.insert(0, 3 - digits.size(), '0');
            xml::write_attribute(out, "priority", std::to_string(value / 1000) + '.' + digits);
        }
        out += '>';
        xml::escape(out, tuple.contact);
        out += "</contact>";
    }
    write_notes(out, tuple.notes, "note");
    if (!tuple.timestamp.empty()) element(out, "timestamp", tuple.timestamp);
    out += "</tuple>";
}

void write_person(std::string& out, const Pidf::Person& person, std::size_t index) {
    out += "<dm:person";
    write_id(out, person.id, "p", index);
    out += '>';
    if (!person.activities.empty()) {
        out += "<rpid:activities>";
        for (const auto& activity : person.activities)
            if (Reader::is_token(activity)) out.append("<rpid:").append(activity).append("/>");
        out += "</rpid:activities>";
    }
    if (person.idle) {
        out += "<rpid:user-input";
        if (!person.last_input.empty()) xml::write_attribute(out, "last-input", person.last_input);
        out.append(">").append(*person.idle ? "idle" : "active").append("</rpid:user-input>");
    }
    write_notes(out, person.notes, "dm:note");
    if (!person.timestamp.empty()) element(out, "dm:timestamp", person.timestamp);
    out += "</dm:person>";
}

void write_device(std::string& out, const Pidf::Device& device, std::size_t index) {
    out += "<dm:device";
    write_id(out, device.id, "d", index);
    out += '>';
    element(out, "dm:deviceID", device.device_id);
    write_notes(out, device.notes, "dm:note");
    out += "</dm:device>";
}

}  // namespace

std::string_view Pidf::entity_address() const {
    std::string_view address = entity;
    for (const std::string_view scheme : {"sip:", "sips:", "pres:", "im:", "xmpp:"})
        if (equal_ignoring_case(address.substr(0, scheme.size()), scheme)) return address.substr(scheme.size());
    return address;
}

Result<Pidf> decode_pidf(std::string_view document) {
    if (document.size() > pidf_limit::document) return Error{Errc::too_long, "PIDF: document too large"};
    const auto root = xml::parse_document(document);
    if (!root) return root.error();
    if (!is_pidf(*root, "presence")) return Error{Errc::malformed, "PIDF: the root is not presence"};

    Pidf pidf;
    Reader reader;
    pidf.entity = reader.text(root->attribute("entity"));
    for (const auto* e : root->children()) {
        if (is_pidf(*e, "tuple")) {
            Pidf::Tuple tuple;
            if (read_tuple(reader, pidf, tuple, *e))
                reader.append(pidf.tuples, std::move(tuple), pidf_limit::tuples, "tuples");
        } else if (is_pidf(*e, "note")) {
            reader.note(pidf.notes, *e);
        } else if (e->is(ns_model, "person")) {
            read_person(reader, pidf, *e);
        } else if (e->is(ns_model, "device")) {
            read_device(reader, pidf, *e);
        } else if (e->name() == "display-name" && is_cipid(e->ns())) {
            if (auto name = reader.text(e->text()); !name.empty()) pidf.display_name = std::move(name);
        } else if (Reader::must_be_understood(*e)) {
            return Error{Errc::malformed, "PIDF: " + e->name() + " must be understood"};
        }
        if (reader.error) return *reader.error;
    }
    if (reader.error) return *reader.error;
    return pidf;
}

std::string encode_pidf(const Pidf& pidf) {
    const bool draft =
        std::any_of(pidf.tuples.begin(), pidf.tuples.end(), [](const auto& t) { return !t.activities.empty(); });
    std::string out = "<?xml version='1.0' encoding='UTF-8'?>\r\n<presence";
    xml::write_attribute(out, "xmlns", ns_pidf);
    if (draft) xml::write_attribute(out, "xmlns:ep", ns_draft);
    if (!pidf.persons.empty() || !pidf.devices.empty()) xml::write_attribute(out, "xmlns:dm", ns_model);
    if (!pidf.persons.empty()) xml::write_attribute(out, "xmlns:rpid", ns_rpid);
    if (!pidf.display_name.empty()) xml::write_attribute(out, "xmlns:ci", ns_cipid);
    xml::write_attribute(out, "entity", pidf.entity);
    out += '>';
    // RFC 3863 4.1.1: tuples, then notes, then elements of other namespaces.
    for (std::size_t i = 0; i < pidf.tuples.size(); ++i) write_tuple(out, pidf.tuples[i], i);
    write_notes(out, pidf.notes, "note");
    for (std::size_t i = 0; i < pidf.persons.size(); ++i) write_person(out, pidf.persons[i], i);
    for (std::size_t i = 0; i < pidf.devices.size(); ++i) write_device(out, pidf.devices[i], i);
    if (!pidf.display_name.empty()) element(out, "ci:display-name", pidf.display_name);
    out += "</presence>\r\n";
    return out;
}

}  // namespace parley::sip
