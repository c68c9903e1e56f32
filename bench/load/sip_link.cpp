#include "bench/load/sip_link.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <netinet/in.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace parley::bench {
namespace {

constexpr std::size_t read_size = 64 * 1024;
constexpr std::string_view end_of_head = "\r\n\r\n";

std::size_t number(std::string_view text) {
    std::size_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

}  // namespace

int SipMessage::status() const {
    return static_cast<int>(number(head.substr(8, 3)));
}

std::string_view SipMessage::method() const {
    if (!is_response()) return head.substr(0, head.find(' '));
    const auto cseq = header("CSeq");
    return cseq.substr(std::min(cseq.size(), cseq.find(' ') + 1));
}

std::string_view SipMessage::header(std::string_view name) const {
    for (auto at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at + 2)) {
        auto line = head.substr(at + 2);
        if (!line.starts_with(name) || line.size() <= name.size() || line[name.size()] != ':') continue;
        line = line.substr(name.size() + 1, line.find("\r\n") - name.size() - 1);
        const auto first = line.find_first_not_of(' ');
        return first == std::string_view::npos ? std::string_view{} : line.substr(first);
    }
    return {};
}

std::string SipMessage::vias() const {
    std::string lines;
    for (auto at = head.find("\r\nVia:"); at != std::string_view::npos; at = head.find("\r\nVia:", at + 2)) {
        const auto end = head.find("\r\n", at + 2);
        lines.append(head.substr(at + 2, end == std::string_view::npos ? end : end - at - 2)).append("\r\n");
    }
    return lines;
}

std::string_view SipMessage::tag(std::string_view name) const {
    const auto field = header(name);
    const auto at = field.find(";tag=");
    if (at == std::string_view::npos) return {};
    const auto value = field.substr(at + 5);
    return value.substr(0, value.find(';'));
}

SipLink::~SipLink() {
    if (stage_ != Stage::closed && socket_.fd() >= 0) loop_.remove(socket_.fd(), *this);
}

void SipLink::connect(std::uint16_t port, SSL_CTX* context, const char* server_name) {
    context_ = context;
    server_name_ = server_name;
    socket_.connect(port);
    loop_.add(socket_.fd(), *this, EPOLLOUT);
}

void SipLink::adopt(int fd, SSL_CTX* context) {
    context_ = context;
    server_ = true;
    socket_.adopt(fd);
    loop_.add(fd, *this, EPOLLIN);
    stage_ = Stage::handshake;
    socket_.start_tls(context_, true, nullptr);
}

void SipLink::send(std::string_view bytes) {
    if (stage_ != Stage::ready) return;
    if (!socket_.write(bytes)) return finish("write failed");
    if (socket_.wants_write() != watching_write_) watch();
}

void SipLink::watch() {
    watching_write_ = socket_.wants_write();
    loop_.modify(socket_.fd(), *this, watching_write_ ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void SipLink::on_ready(std::uint32_t events) {
    if (stage_ == Stage::connecting) {
        stage_ = Stage::handshake;
        socket_.start_tls(context_, server_, server_name_.c_str());
        watch();
        return shake_hands();
    }
    if (stage_ == Stage::handshake) return shake_hands();
    if ((events & EPOLLOUT) != 0) {
        if (!socket_.flush()) return finish("write failed");
        watch();
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read();
}

void SipLink::shake_hands() {
    switch (socket_.handshake()) {
        case TlsSocket::Progress::waiting: return;
        case TlsSocket::Progress::failed: return finish("TLS handshake failed");
        case TlsSocket::Progress::done: break;
    }
    stage_ = Stage::ready;
    if (socket_.has_buffered()) read();
}

void SipLink::read() {
    static std::array<char, read_size> buffer;
    do {
        const auto count = socket_.read(buffer);
        if (count < 0) return finish("the server closed the connection");
        if (count == 0) return;
        pending_.append(buffer.data(), static_cast<std::size_t>(count));
        cut();
    } while (stage_ == Stage::ready && socket_.has_buffered());
}

void SipLink::cut() {
    std::size_t used = 0;
    while (stage_ == Stage::ready) {
        auto rest = std::string_view(pending_).substr(used);
        while (rest.starts_with("\r\n")) {  // a keep-alive
            rest.remove_prefix(2);
            used += 2;
        }
        const auto end = rest.find(end_of_head);
        if (end == std::string_view::npos) break;
        SipMessage message{rest.substr(0, end), {}};
        const auto body = end + end_of_head.size();
        const auto length = number(message.header("Content-Length"));
        if (rest.size() < body + length) break;
        message.body = rest.substr(body, length);
        used += body + length;
        events_.on_sip(*this, message);
    }
    pending_.erase(0, used);
}

void SipLink::finish(std::string_view why) {
    if (stage_ == Stage::closed) return;
    stage_ = Stage::closed;
    loop_.remove(socket_.fd(), *this);
    socket_.close();
    events_.on_sip_closed(*this, why);
}

SipListener::SipListener(Loop& loop, std::uint16_t port, void* owner, Accepted accepted)
    : loop_(loop), owner_(owner), accepted_(accepted) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int one = 1;
    ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd_ < 0 || ::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(fd_, 64) != 0)
        throw std::system_error(errno, std::generic_category(), "listen on port " + std::to_string(port));
    loop_.add(fd_, *this, EPOLLIN);
}

SipListener::~SipListener() {
    loop_.remove(fd_, *this);
    ::close(fd_);
}

void SipListener::on_ready(std::uint32_t) {
    const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) accepted_(owner_, fd);
}

}  // namespace parley::bench
