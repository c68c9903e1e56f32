// A TLS relay that parses nothing: the floor under every figure of a server that has to. It accepts connections, pairs
// each with the one accepted after it, and copies bytes between the two. With --alone it only does handshakes.
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "bench/common/loop.hpp"
#include "bench/common/tls_socket.hpp"

namespace parley::bench {
namespace {

constexpr std::size_t read_size = 16 * 1024;

class Leg final : public Pollable {
public:
    Leg(Loop& loop, int fd, SSL_CTX* context) : loop_(loop) {
        socket_.adopt(fd);
        socket_.start_tls(context, true, nullptr);
        loop_.add(fd, *this, EPOLLIN);
    }
    void pair_with(Leg& other) {
        other_ = &other;
        other.other_ = this;
    }
    void on_ready(std::uint32_t events) override {
        if (!open_ && !finish_handshake()) return;
        if ((events & EPOLLOUT) != 0 && !flush()) return end();
        if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) copy();
    }

private:
    bool finish_handshake() {
        const auto progress = socket_.handshake();
        if (progress == TlsSocket::Progress::failed) end();
        open_ = progress == TlsSocket::Progress::done;
        if (open_ && !waiting_.empty()) {
            if (!send(std::exchange(waiting_, {}))) end();
        }
        return open_ && socket_.fd() >= 0;
    }
    void copy() {
        static std::array<char, read_size> buffer;
        do {
            const auto count = socket_.read(buffer);
            if (count < 0) return end();
            if (count == 0 || other_ == nullptr) return;
            if (!other_->send({buffer.data(), static_cast<std::size_t>(count)})) return end();
        } while (socket_.has_buffered());
    }
    bool send(std::string_view bytes) {
        if (!open_) {
            waiting_.append(bytes);
            return true;
        }
        if (!socket_.write(bytes)) return false;
        watch();
        return true;
    }
    bool flush() {
        if (!socket_.flush()) return false;
        watch();
        return true;
    }
    void watch() {
        if (socket_.wants_write() == watching_write_) return;
        watching_write_ = !watching_write_;
        loop_.modify(socket_.fd(), *this, watching_write_ ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
    void end() {
        close();
        if (auto* other = std::exchange(other_, nullptr)) {
            other->other_ = nullptr;
            other->close();
        }
    }
    void close() {
        if (socket_.fd() < 0) return;
        loop_.remove(socket_.fd(), *this);
        socket_.say_goodbye();
        socket_.close();
        loop_.retire(std::unique_ptr<Pollable>(this));  // a leg owns itself from accept to close
    }

    Loop& loop_;
    TlsSocket socket_;
    Leg* other_ = nullptr;
    bool open_ = false;
    bool watching_write_ = false;
    std::string waiting_;
};

class Listener final : public Pollable {
public:
    Listener(Loop& loop, std::uint16_t port, SSL_CTX* context, bool alone)
        : loop_(loop), context_(context), alone_(alone), fd_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) {
        const int one = 1;
        ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || ::listen(fd_, 1024) != 0)
            throw std::system_error(errno, std::generic_category(), "listen on port " + std::to_string(port));
        loop_.add(fd_, *this, EPOLLIN);
    }
    void on_ready(std::uint32_t) override {
        for (;;) {
            const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd < 0) return;
            auto* leg = new Leg(loop_, fd, context_);
            if (alone_) continue;
            if (first_ == nullptr) {
                first_ = leg;
            } else {
                std::exchange(first_, nullptr)->pair_with(*leg);
            }
        }
    }

private:
    Loop& loop_;
    SSL_CTX* context_;
    bool alone_;
    int fd_;
    Leg* first_ = nullptr;
};

int run(int argc, char** argv) {
    if (argc < 4) {
        std::fprintf(stderr, "usage: parley-relay PORT CERTIFICATE KEY [--alone]\n");
        return 2;
    }
    std::signal(SIGPIPE, SIG_IGN);
    const auto context = server_context(argv[2], argv[3]);
    Loop loop;
    Listener listener(loop, static_cast<std::uint16_t>(std::atoi(argv[1])), context.get(),
                      argc > 4 && std::strcmp(argv[4], "--alone") == 0);
    std::puts("ready");
    std::fflush(stdout);
    for (;;) loop.poll(milliseconds{1000});
}

}  // namespace
}  // namespace parley::bench

int main(int argc, char** argv) {
    try {
        return parley::bench::run(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "parley-relay: %s\n", error.what());
        return 1;
    }
}
