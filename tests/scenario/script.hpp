#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/scenario/sip_peer.hpp"
#include "tests/scenario/world.hpp"
#include "tests/scenario/xml_end.hpp"

namespace parley::test {

// Plays one scenario file against a server of its own and reports each line that does not come true as a failure of the
// running test, at that line. The language: the files beside this one, and act() in script.cpp.
class Script {
public:
    Script(std::filesystem::path file, std::size_t shards, std::size_t chunk);
    ~Script();
    void play();

private:
    struct Line {
        int number;
        std::string text;
    };
    struct Actor {
        std::unique_ptr<Client> client;
        std::unique_ptr<PeerServer> server;
        std::unique_ptr<SipPeer> sip;
        std::string domain;
    };

    std::vector<Line> read();
    void fail(const std::string& what);
    void run(const std::string& line);
    void cast(std::string_view kind, const std::vector<std::string>& words);
    void add_contact(const std::string& watcher, const std::string& watched);
    void given(const std::vector<std::string>& words);
    void act(Actor& actor, const std::string& rest);
    void say(Actor& actor, const std::string& text);
    void hear(Actor& actor, const std::string& text);
    void hear_nothing(Actor& actor);
    std::string unread(Actor& actor);
    void everybody_catches_up();
    void check_ending();
    void pass_time(const std::string& amount);

    std::filesystem::path file_;
    World world_;
    Variables variables_;
    std::map<std::string, xmpp::Jid, std::less<>> jids_;  // of the cast, bare
    std::map<std::string, Actor, std::less<>> actors_;    // "alice/desk", "montague", "bob"
    int line_ = 0;
    int hosts_ = 0;
    bool failed_ = false;
};

}  // namespace parley::test
