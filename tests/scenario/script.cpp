#include "tests/scenario/script.hpp"

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "base/text.hpp"
#include "xml/writer.hpp"

namespace parley::test {
namespace {

std::vector<std::string> words_of(std::string_view text) {
    std::istringstream in{std::string(text)};
    std::vector<std::string> words;
    for (std::string word; in >> word;) words.push_back(word);
    return words;
}

// Fields of a SIP line stand two spaces or more apart.
std::vector<std::string> fields_of(std::string_view text) {
    std::vector<std::string> fields;
    while (!text.empty()) {
        const auto gap = text.find("  ");
        fields.emplace_back(trim(text.substr(0, gap)));
        if (gap == std::string_view::npos) break;
        text = trim(text.substr(gap));
    }
    return fields;
}

// What the script writes, as it stands on a stream with this default namespace.
Result<xml::Element> parse_expected(const std::string& text, std::string_view ns) {
    auto root = xml::parse_document("<root xmlns='" + std::string(ns) +
                                    "' xmlns:stream='http://etherx.jabber.org/streams'>" + text + "</root>");
    if (!root) return root;
    auto children = root->take_children();
    if (children.size() != 1) return Error{Errc::malformed, "one element is expected"};
    return std::move(children.front());
}

}  // namespace

Script::Script(std::filesystem::path file, std::size_t shards, std::size_t chunk)
    : file_(std::move(file)), world_(shards) {
    world_.network.set_chunk(chunk);
}

Script::~Script() {
    world_.stop(World::End::orderly);
}

void Script::fail(const std::string& what) {
    failed_ = true;
    ADD_FAILURE_AT(file_.c_str(), line_) << what;
}

std::vector<Script::Line> Script::read() {
    std::vector<Line> lines;
    std::ifstream in(file_);
    int number = 0;
    for (std::string text; std::getline(in, text);) {
        ++number;
        if (trim(text).empty() || text.starts_with('#')) continue;
        if (text.front() == ' ' && !lines.empty())
            lines.back().text += ' ' + std::string(trim(text));
        else
            lines.push_back({number, std::string(trim(text))});
    }
    return lines;
}

void Script::play() {
    for (const auto& line : read()) {
        line_ = line.number;
        try {
            run(line.text);
        } catch (const std::exception& error) {
            fail(error.what());
        }
        if (failed_) return;  // what follows would only be confused by it
    }
    check_ending();
}

void Script::run(const std::string& line) {
    const auto words = words_of(line);
    if (line.starts_with('[')) return cast(words[0], {words.begin() + 1, words.end()});
    if (words[0] == "given") return given(words);
    if (!world_.running()) world_.start();
    if (words[0] == "clock" && words.size() == 2) return pass_time(words[1]);
    if (line == "restart" || line == "crash") {
        world_.stop(line == "crash" ? World::End::crash : World::End::orderly);
        return world_.start();
    }
    if (line == "everybody catches up") return everybody_catches_up();
    const auto actor = actors_.find(words[0]);
    if (actor == actors_.end()) return fail("the cast has no " + words[0]);
    act(actor->second, std::string(trim(std::string_view(line).substr(words[0].size()))));
}

void Script::cast(std::string_view kind, const std::vector<std::string>& words) {
    const auto address = "10.0.2." + std::to_string(++hosts_);
    const auto& name = words.at(0);
    im::DomainRule rule;
    if (kind == "[xmpp]") {
        const auto jid = jids_[name] = xmpp::Jid::parse(words.at(1)).value();
        world_.accounts.push_back(jid);
        if (std::find(world_.local_domains.begin(), world_.local_domains.end(), jid.domain()) ==
            world_.local_domains.end())
            world_.local_domains.push_back(jid.domain());
        for (std::size_t i = 2; i < words.size(); ++i)
            actors_[words.size() == 3 ? name : name + '/' + words[i]].client =
                std::make_unique<Client>(world_.network, world_.executor, jid.local(), jid.domain(), words[i],
                                         "10.0.2." + std::to_string(++hosts_));
        return;
    }
    if (kind == "[server]") {
        rule.domain = words.at(1);
        rule.transport = im::Transport::xmpp;
        actors_[name].server = std::make_unique<PeerServer>(world_.network, world_.executor, rule.domain, address);
    } else if (kind == "[sip]") {
        jids_[name] = xmpp::Jid::parse(words.at(1).substr(4)).value();
        rule.domain = jids_[name].domain();
        rule.transport = im::Transport::sip;
        rule.profile = "simple";
        rule.next_hop = "10.0.0.2:5060";
        rule.next_hop_tls = false;
        actors_[name].sip = std::make_unique<SipPeer>(world_.network, world_.executor, words.at(1));
    } else {
        return fail("there is no kind " + std::string(kind));
    }
    actors_[name].domain = rule.domain;
    world_.policy.rules[rule.domain] = rule;
}

void Script::add_contact(const std::string& watcher, const std::string& watched) {
    const auto a = jids_.contains(watcher) ? jids_[watcher] : xmpp::Jid::parse(watcher).value();
    const auto b = jids_.contains(watched) ? jids_[watched] : xmpp::Jid::parse(watched).value();
    const auto add = [&](const xmpp::Jid& owner, const xmpp::Jid& contact, im::Subscription way) {
        auto& item = world_.rosters[owner].items[contact];
        item.contact = contact;
        item.listed = true;
        item.subscription =
            item.subscription == im::Subscription::none || item.subscription == way ? way : im::Subscription::both;
    };
    const auto local = [&](const xmpp::Jid& jid) { return !world_.policy.rules.contains(jid.domain()); };
    if (local(a)) add(a, b, im::Subscription::to);
    if (local(b)) add(b, a, im::Subscription::from);
}

// "given alice watches bob", "given alice and bob watch each other"; a name of the cast or a JID.
void Script::given(const std::vector<std::string>& words) {
    if (words.size() == 4 && words[2] == "watches") return add_contact(words[1], words[3]);
    if (words.size() != 7 || words[2] != "and" || words[4] != "watch") return fail("not understood");
    add_contact(words[1], words[3]);
    add_contact(words[3], words[1]);
}

void Script::act(Actor& actor, const std::string& rest) {
    const auto colon = rest.find(':');
    const auto verb = rest.substr(0, colon);
    const auto object = colon == std::string::npos ? "" : std::string(trim(std::string_view(rest).substr(colon + 1)));
    if (verb == "sends") return say(actor, object);
    if (verb == "receives") return hear(actor, object);
    if (rest == "receives nothing") return hear_nothing(actor);
    if (verb == "answers" && actor.sip) {
        auto fields = fields_of(object);
        const auto status = std::stoi(fields.at(0));
        fields.erase(fields.begin());
        return actor.sip->answer(status, fields);
    }
    if (rest == "is closed") {
        const bool closed = actor.client ? actor.client->is_closed() : actor.server && actor.server->is_closed();
        return closed ? void() : fail("the stream is open");
    }
    if (rest == "shares its streams" && actor.server) return actor.server->share_streams();
    if (rest == "drops" && actor.server) return actor.server->drop();
    if (!actor.client) return fail("not understood");
    auto& client = *actor.client;
    std::string bad;
    if (rest == "dials")
        bad = client.dial();
    else if (rest == "connects")
        bad = client.connect();
    else if (rest == "logs in")
        bad = client.log_in();
    else if (rest == "enables resumption")
        bad = client.enable_resumption();
    else if (rest == "resumes")
        bad = client.resume();
    else if (rest == "drops")
        client.drop();
    else if (rest == "goes silent")
        client.go_silent();
    else
        bad = "not understood";
    if (!bad.empty()) fail(bad);
}

void Script::say(Actor& actor, const std::string& text) {
    const auto filled = fill_in(text, variables_);
    if (actor.client) return actor.client->say(filled);
    if (actor.server) {
        // To whose domain: the stanza says so itself.
        const auto stanza = parse_expected(filled, "jabber:server");
        const auto to = stanza ? xmpp::Jid::parse(stanza->attribute("to")) : Result<xmpp::Jid>(stanza.error());
        const auto bad = actor.server->say(filled, to ? to->domain() : world_.local_domains.front());
        return bad.empty() ? void() : fail(bad);
    }
    // "NOTIFY  Subscription-State: active  pidf: open busy", "MESSAGE alice  text: Hello"; or an address
    auto fields = fields_of(filled);
    const auto words = words_of(fields.at(0));
    fields.erase(fields.begin());
    const auto to = words.size() <= 1                         ? std::string{}
                    : words[1].find('@') != std::string::npos ? words[1]
                                                              : jids_.at(words[1]).to_string();
    actor.sip->request(words.at(0), to, fields);
}

void Script::hear(Actor& actor, const std::string& text) {
    if (actor.sip) {
        auto fields = fields_of(text);
        const auto what = fields.at(0);
        fields.erase(fields.begin());
        const auto bad = actor.sip->read(what, fields, variables_);
        return bad.empty() ? void() : fail(bad);
    }
    const auto expected = parse_expected(text, actor.client ? "jabber:client" : "jabber:server");
    if (!expected) return fail("the expected XML is not XML: " + expected.error().detail);
    actor.client ? actor.client->collect() : actor.server->collect();
    auto& heard = actor.client ? actor.client->heard() : actor.server->heard();
    std::string why;
    for (auto it = heard.begin(); it != heard.end(); ++it) {
        const auto differs = mismatch(*expected, *it, variables_);
        if (differs.empty()) {
            heard.erase(it);
            return;
        }
        why += "\n  " + xml::to_string(*it, expected->ns()) + "\n    because " + differs;
    }
    fail(why.empty() ? "hears nothing" : "hears instead" + why);
}

std::string Script::unread(Actor& actor) {
    if (actor.sip) return actor.sip->unread();
    actor.client ? actor.client->collect() : actor.server->collect();
    std::string out;
    for (const auto& element : actor.client ? actor.client->heard() : actor.server->heard())
        out += "\n  " + xml::to_string(element, actor.client ? "jabber:client" : "jabber:server");
    return out;
}

void Script::hear_nothing(Actor& actor) {
    if (const auto heard = unread(actor); !heard.empty()) fail("hears" + heard);
}

void Script::everybody_catches_up() {
    for (auto& [name, actor] : actors_) {
        unread(actor);
        if (actor.sip)
            actor.sip->skip();
        else
            (actor.client ? actor.client->heard() : actor.server->heard()).clear();
    }
}

// A scenario is a whole transcript: what nobody mentions did not happen.
void Script::check_ending() {
    for (auto& [name, actor] : actors_)
        if (const auto heard = unread(actor); !heard.empty()) fail(name + " has also heard" + heard);
}

void Script::pass_time(const std::string& amount) {
    std::size_t digits = 0;
    const auto number = std::stoll(amount.substr(1), &digits);
    const auto unit = amount.substr(1 + digits);
    const Millis by{number * (unit == "h" ? 3'600'000 : unit == "min" ? 60'000 : unit == "s" ? 1000 : 0)};
    if (amount.front() != '+' || by <= Millis{0}) return fail("a time is +5s, +5min or +5h");
    world_.executor.advance(by);
}

}  // namespace parley::test
