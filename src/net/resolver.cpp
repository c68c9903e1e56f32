#include "net/resolver.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <list>
#include <sys/epoll.h>
#include <vector>

#include <unbound.h>

#include "base/text.hpp"
#include "net/event_loop.hpp"
#include "net/identity.hpp"
#include "net/loop_io.hpp"
#include "net/socket_address.hpp"
#include "net/tlsa.hpp"

namespace parley::net {
namespace {

enum class Type { a = 1, aaaa = 28, srv = 33, tlsa = 52 };
constexpr int class_in = 1;
constexpr int rcode_no_error = 0;
constexpr int rcode_no_name = 3;
constexpr std::size_t max_records = 100;  // of one answer; more is nobody's service

// What unbound says to one question.
struct Reply {
    std::optional<Error> error{};
    std::vector<std::string> rdata{};
    bool secure = false;
    Seconds ttl{0};
    std::string alias_of{};
};

std::string without_dot(std::string name) {
    if (name.ends_with('.')) name.pop_back();
    return name;
}

Reply reply_of(const std::string& name, int failure, const ub_result* result) {
    Reply reply;
    if (failure != 0 || result == nullptr) {
        reply.error = Error{Errc::closed, "DNS fails for " + name + ": " + ::ub_strerror(failure)};
    } else if (result->bogus != 0) {
        reply.error = Error{Errc::forbidden, "DNS for " + name + " fails its DNSSEC check: " +
                                                 (result->why_bogus != nullptr ? result->why_bogus : "bogus")};
    } else if (result->rcode != rcode_no_error && result->rcode != rcode_no_name) {
        reply.error =
            Error{Errc::closed, "DNS fails for " + name + ": the servers say " +
                                    (result->rcode == 2 ? "SERVFAIL" : "code " + std::to_string(result->rcode))};
    } else if (result->havedata != 0) {
        for (int i = 0; result->data[i] != nullptr && reply.rdata.size() < max_records; ++i)
            reply.rdata.emplace_back(result->data[i], static_cast<std::size_t>(result->len[i]));
        reply.secure = result->secure != 0;
        reply.ttl = Seconds{result->ttl};
    }
    if (result != nullptr && result->canonname != nullptr && !reply.error)
        if (auto real = without_dot(result->canonname); !equal_ignoring_case(real, name))
            reply.alias_of = std::move(real);
    return reply;
}

}  // namespace

std::optional<SrvRecord> parse_srv(std::string_view rdata) {
    const auto number = [&](std::size_t at) {
        return static_cast<std::uint16_t>((static_cast<unsigned char>(rdata[at]) << 8) |
                                          static_cast<unsigned char>(rdata[at + 1]));
    };
    if (rdata.size() < 7) return std::nullopt;
    SrvRecord record{number(0), number(2), number(4), {}};
    rdata.remove_prefix(6);
    while (!rdata.empty()) {
        const auto length = static_cast<unsigned char>(rdata.front());
        rdata.remove_prefix(1);
        if (length == 0) {
            if (!rdata.empty()) return std::nullopt;
            if (record.target.empty()) record.target = ".";
            return record;
        }
        if (length > 63 || length > rdata.size()) return std::nullopt;
        const auto label = rdata.substr(0, length);
        const auto good = label.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") ==
                          std::string_view::npos;
        if (!good) return std::nullopt;
        if (!record.target.empty()) record.target += '.';
        record.target += label;
        rdata.remove_prefix(length);
    }
    return std::nullopt;
}

// Lives on a loop of its own, whose thread is the only one that talks to libunbound.
struct Resolver::Impl : Pollable, std::enable_shared_from_this<Impl> {
    // One name asked for one or two types; unbound's callbacks point to its parts.
    struct Question {
        struct Part {
            Question* question;
            Type type;
            int id = 0;
            bool open = false;
            Reply reply{};
        };
        Impl* impl;
        std::string name;
        std::vector<Part> parts;
        Timer deadline{};
        Function<void(std::vector<Reply>)> done;
        std::list<Question>::iterator self{};
    };

    explicit Impl(DnsSettings given) : settings(std::move(given)), context(::ub_ctx_create()) {
        const auto option = [this](const char* name, const char* value) { ::ub_ctx_set_option(context, name, value); };
        option("module-config:", settings.trust_anchor_file.empty() ? "iterator" : "validator iterator");
        option("do-not-query-localhost:", "no");  // a forwarder on loopback is usual
        // A server that was away for a moment would be left alone for a quarter of an hour.
        option("infra-host-ttl:", "10");
        option("infra-keep-probing:", "yes");
        if (!settings.trust_anchor_file.empty() &&
            ::ub_ctx_add_ta_file(context, settings.trust_anchor_file.c_str()) != 0)
            problem = "the DNSSEC trust anchor " + settings.trust_anchor_file + " cannot be used";
        for (const auto& name : settings.unsigned_domains) option("domain-insecure:", to_ascii_domain(name).c_str());
        for (const auto& server : settings.servers)
            if (::ub_ctx_set_fwd(context, server.c_str()) != 0)
                problem = "\"" + server + "\" is not a DNS server's address";
        if (settings.servers.empty()) ::ub_ctx_resolvconf(context, nullptr);
        if (!settings.hosts_file.empty() && ::ub_ctx_hosts(context, settings.hosts_file.c_str()) != 0)
            problem = "the hosts file " + settings.hosts_file + " cannot be read";
        ::ub_ctx_async(context, 1);  // 1: with a thread, so that the cache is not filled on ours
    }
    ~Impl() override { ::ub_ctx_delete(context); }

    void on_ready(std::uint32_t) override { ::ub_process(context); }

    void ask(std::string name, std::vector<Type> types, Function<void(std::vector<Reply>)> done) {
        if (!watched) {
            watched = true;
            loop.io()->poller.add(::ub_fd(context), shared_from_this(), EPOLLIN);
        }
        auto& question = questions.emplace_back(Question{this, std::move(name), {}, {}, std::move(done), {}});
        question.self = std::prev(questions.end());
        question.parts.reserve(types.size());
        for (const auto type : types) question.parts.push_back({&question, type});
        for (auto& part : question.parts) {
            const auto failure = ::ub_resolve_async(context, question.name.c_str(), static_cast<int>(part.type),
                                                    class_in, &part, &Impl::answered, &part.id);
            if (failure != 0)
                part.reply = reply_of(question.name, failure, nullptr);
            else
                part.open = true;
        }
        // The library itself needs up to 17 s to give up on silent servers.
        question.deadline = loop.after(settings.timeout, [&question] {
            for (auto& part : question.parts) {
                if (!part.open) continue;
                ::ub_cancel(question.impl->context, part.id);
                part.open = false;
                part.reply.error = Error{Errc::timed_out, "DNS does not answer for " + question.name};
            }
            question.impl->finish_if_complete(question);
        });
        finish_if_complete(question);
    }

    template <class Record>
    void find(Executor& executor, const std::string& name, Type type,
              std::optional<Record> (*parse)(std::string_view rdata), Function<void(Result<DnsAnswer<Record>>)> done);

    static void answered(void* data, int failure, ub_result* result) {
        auto& part = *static_cast<Question::Part*>(data);
        part.open = false;
        part.reply = reply_of(part.question->name, failure, result);
        ::ub_resolve_free(result);
        part.question->impl->finish_if_complete(*part.question);
    }

    void finish_if_complete(Question& question) {
        for (const auto& part : question.parts)
            if (part.open) return;
        std::vector<Reply> replies;
        for (auto& part : question.parts) replies.push_back(std::move(part.reply));
        const auto done = std::move(question.done);
        const auto timer = std::move(question.deadline);
        questions.erase(question.self);
        done(std::move(replies));
    }

    DnsSettings settings;
    std::string problem;  // of the settings; every question is answered with it
    ub_ctx* context;
    bool watched = false;
    std::list<Question> questions;
    EventLoop loop;  // last: its thread ends first
};

Resolver::Resolver(const DnsSettings& settings) : impl_(std::make_shared<Impl>(settings)) {
    impl_->loop.start();
}

Resolver::~Resolver() {
    impl_->loop.stop();
    impl_->loop.join();
    for (auto& question : impl_->questions)
        for (auto& part : question.parts)
            if (part.open) ::ub_cancel(impl_->context, part.id);
    impl_->questions.clear();
    impl_->loop.io()->poller.clear();  // which holds impl_
}

// Records of one type; what is malformed is left out.
template <class Record>
void Resolver::Impl::find(Executor& executor, const std::string& name, Type type,
                          std::optional<Record> (*parse)(std::string_view rdata),
                          Function<void(Result<DnsAnswer<Record>>)> done) {
    auto answer = [&executor, done = std::move(done)](Result<DnsAnswer<Record>> result) mutable {
        executor.post([done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
    };
    auto ascii = to_ascii_domain(name);
    if (ascii.empty()) return answer(Error{Errc::malformed, "\"" + name + "\" is not a domain name"});
    if (!problem.empty()) return answer(Error{Errc::malformed, problem});
    loop.post([this, type, parse, ascii = std::move(ascii), answer = std::move(answer)]() mutable {
        ask(std::move(ascii), {type}, [parse, answer = std::move(answer)](std::vector<Reply> replies) mutable {
            auto& reply = replies.front();
            if (reply.error) return answer(*reply.error);
            DnsAnswer<Record> out{{}, reply.secure, reply.ttl};
            for (const auto& rdata : reply.rdata)
                if (auto record = parse(rdata)) out.records.push_back(*std::move(record));
            answer(std::move(out));
        });
    });
}

void Resolver::srv(Executor& executor, const std::string& name, Function<void(Result<DnsAnswer<SrvRecord>>)> done) {
    impl_->find<SrvRecord>(executor, name, Type::srv, parse_srv, std::move(done));
}

void Resolver::tlsa(Executor& executor, const std::string& name, Function<void(Result<DnsAnswer<TlsaRecord>>)> done) {
    impl_->find<TlsaRecord>(executor, name, Type::tlsa, parse_tlsa, std::move(done));
}

void Resolver::host(Executor& executor, const std::string& name, Function<void(Result<DnsAnswer<std::string>>)> done) {
    auto answer = [&executor, done = std::move(done)](Result<DnsAnswer<std::string>> result) mutable {
        executor.post([done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
    };
    if (to_socket_address({name, 0})) return answer(DnsAnswer<std::string>{{name}, false, Seconds{0}});
    auto ascii = to_ascii_domain(name);
    if (ascii.empty()) return answer(Error{Errc::malformed, "\"" + name + "\" is not a host name"});
    if (!impl_->problem.empty()) return answer(Error{Errc::malformed, impl_->problem});
    impl_->loop.post([impl = impl_.get(), ascii = std::move(ascii), answer = std::move(answer)]() mutable {
        impl->ask(std::move(ascii), {Type::a, Type::aaaa},
                  [answer = std::move(answer)](std::vector<Reply> replies) mutable {
                      DnsAnswer<std::string> out{{}, true, Seconds{0}};
                      std::optional<Error> error;
                      for (const auto& reply : replies) {
                          // RFC 7673 3.2: what DNSSEC shows to be false is no address at all.
                          if (reply.error && reply.error->code == Errc::forbidden) return answer(*reply.error);
                          if (reply.error) error = reply.error;
                          if (!reply.alias_of.empty()) out.alias_of = reply.alias_of;
                          for (const auto& rdata : reply.rdata) {
                              char text[INET6_ADDRSTRLEN];
                              const int family = rdata.size() == 4 ? AF_INET : AF_INET6;
                              if ((rdata.size() != 4 && rdata.size() != 16) ||
                                  ::inet_ntop(family, rdata.data(), text, sizeof text) == nullptr)
                                  continue;
                              out.secure = out.secure && reply.secure;
                              out.ttl = out.records.empty() ? reply.ttl : std::min(out.ttl, reply.ttl);
                              out.records.emplace_back(text);
                          }
                      }
                      // One family is enough; an error counts when there is nothing at all.
                      if (out.records.empty() && error) return answer(*error);
                      out.secure = out.secure && !out.records.empty();
                      answer(std::move(out));
                  });
    });
}

}  // namespace parley::net
