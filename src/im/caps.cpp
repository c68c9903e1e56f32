#include "im/caps.hpp"

#include <algorithm>
#include <vector>

#include "base/hash.hpp"
#include "base/text.hpp"

namespace parley::im {
namespace {

constexpr std::string_view data_form = "jabber:x:data";

struct Form {
    std::string type;  // the value of FORM_TYPE
    std::vector<std::pair<std::string, std::vector<std::string>>> fields;
};

bool has_duplicate(std::vector<std::string> sorted) {
    std::sort(sorted.begin(), sorted.end());
    return std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end();
}

enum class Reading { form, skipped, ill_formed };

// 5.4, steps 3.5 and 3.6: a form without a hidden FORM_TYPE is left out; one with two types makes the whole answer
// ill-formed.
Reading read_form(const xml::Element& element, Form& form) {
    bool typed = false;
    for (const auto* field : element.children()) {
        if (!field->is(data_form, "field")) continue;
        std::vector<std::string> values;
        for (const auto* value : field->children())
            if (value->is(data_form, "value")) values.push_back(value->text());
        std::sort(values.begin(), values.end());
        const auto var = field->attribute("var");
        if (var != "FORM_TYPE") {
            form.fields.emplace_back(std::string(var), std::move(values));
            continue;
        }
        if (typed || values.empty() || values.front() != values.back()) return Reading::ill_formed;
        if (field->attribute("type") != "hidden") return Reading::skipped;
        typed = true;
        form.type = values.front();
    }
    std::sort(form.fields.begin(), form.fields.end());
    return typed ? Reading::form : Reading::skipped;
}

// The parts of S, each to be followed by '<' (5.1).
std::optional<std::vector<std::string>> parts_of(const xmpp::DiscoInfo& info) {
    std::vector<std::string> parts;
    auto identities = info.identities;
    std::sort(identities.begin(), identities.end(), [](const auto& a, const auto& b) {
        return std::tie(a.category, a.type, a.lang, a.name) < std::tie(b.category, b.type, b.lang, b.name);
    });
    parts.reserve(identities.size());
    for (const auto& i : identities) parts.push_back(i.category + "/" + i.type + "/" + i.lang + "/" + i.name);
    if (has_duplicate(parts) || has_duplicate(info.features)) return std::nullopt;

    auto features = info.features;
    std::sort(features.begin(), features.end());
    parts.insert(parts.end(), features.begin(), features.end());

    std::vector<Form> forms;
    std::vector<std::string> types;
    for (const auto& element : info.forms) {
        Form form;
        const auto reading = read_form(element, form);
        if (reading == Reading::ill_formed) return std::nullopt;
        if (reading == Reading::skipped) continue;
        types.push_back(form.type);
        forms.push_back(std::move(form));
    }
    if (has_duplicate(types)) return std::nullopt;
    std::sort(forms.begin(), forms.end(), [](const Form& a, const Form& b) { return a.type < b.type; });
    for (auto& form : forms) {
        parts.push_back(std::move(form.type));
        for (auto& [var, values] : form.fields) {
            parts.push_back(std::move(var));
            parts.insert(parts.end(), values.begin(), values.end());
        }
    }
    return parts;
}

}  // namespace

std::optional<std::string> caps_verification(const xmpp::DiscoInfo& info, std::string_view hash) {
    if (hash != "sha-1" && hash != "sha-256") return std::nullopt;
    const auto parts = parts_of(info);
    if (!parts) return std::nullopt;
    std::string text;
    for (const auto& part : *parts) {
        if (part.find('<') != std::string::npos) return std::nullopt;
        text += part + "<";
    }
    return base64_encode(hash == "sha-1" ? sha1(text) : sha256(text));
}

const std::set<std::string>* CapsCache::features(const xmpp::Caps& caps) const {
    const auto found = known_.find({caps.hash, caps.ver});
    return found == known_.end() ? nullptr : &found->second;
}

Result<> CapsCache::learn(const xmpp::Caps& caps, const xmpp::DiscoInfo& info) {
    const auto verification = caps_verification(info, caps.hash);
    if (!verification || *verification != caps.ver)
        return Error{Errc::forbidden, "capabilities do not give their hash"};
    Key key{caps.hash, caps.ver};
    if (!known_.try_emplace(key, info.features.begin(), info.features.end()).second) return {};
    order_.push_back(std::move(key));
    if (order_.size() > entries_max) {
        known_.erase(order_.front());
        order_.pop_front();
    }
    return {};
}

}  // namespace parley::im
