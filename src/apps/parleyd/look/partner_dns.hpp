#pragma once

#include "apps/parleyd/look/parts.hpp"

namespace parley::look {

// What DNS says of a partner, for people: each service record that the services would ask for, and each host in them.
// One thread.
class PartnerDns : public std::enable_shared_from_this<PartnerDns> {
public:
    struct Question {
        std::string domain;
        std::vector<std::string> names;  // "_xmpp-server._tcp.partner.example", in the order in which they count
        std::string fall_back_port;      // on which the domain itself is tried when there is no record
        bool hosts_inside = false;       // partners of this kind have their servers inside their domain
    };
    struct Found {
        admin::Report report;
        bool fell_back = false;  // there is no record: the domain itself is tried
        // Of the findings, the one that explains why there is no address at all.
        std::optional<std::size_t> culprit{};
    };
    using Done = Function<void(Found)>;
    // Dropping the result cancels it. Done in about six seconds, however slow DNS is.
    static std::shared_ptr<PartnerDns> start(const Parts& parts, Question question, Done done);

private:
    struct Service {
        Result<net::DnsAnswer<net::SrvRecord>> answer = net::DnsAnswer<net::SrvRecord>{};
        std::int64_t millis = 0;
    };
    struct Host {
        std::string name;
        Result<net::DnsAnswer<std::string>> answer = net::DnsAnswer<std::string>{};
        std::int64_t millis = 0;
    };

    PartnerDns(const Parts& parts, Question question, Done done)
        : parts_(parts), question_(std::move(question)), done_(std::move(done)) {}
    void ask_services();
    void ask_hosts();
    void finish();
    std::int64_t since_then() const { return (parts_.executor.clock().now() - since_).count(); }
    void say_service(const std::string& name, const Service& service);
    void say_host(const Host& host, bool others_work);

    const Parts parts_;
    const Question question_;
    Done done_;
    Found found_;
    SteadyTime since_{};
    std::size_t open_ = 0;
    std::vector<Service> services_;
    std::vector<Host> hosts_;
};

}  // namespace parley::look
