#include "bench/common/loop.hpp"

#include <cerrno>
#include <system_error>
#include <unistd.h>

namespace parley::bench {
namespace {

void control(int epoll, int operation, int fd, Pollable& pollable, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &pollable;
    if (::epoll_ctl(epoll, operation, fd, &event) != 0)
        throw std::system_error(errno, std::generic_category(), "epoll");
}

}  // namespace

Loop::Loop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (epoll_ < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
}

Loop::~Loop() {
    ::close(epoll_);
}

void Loop::add(int fd, Pollable& pollable, std::uint32_t events) {
    control(epoll_, EPOLL_CTL_ADD, fd, pollable, events);
}

void Loop::modify(int fd, Pollable& pollable, std::uint32_t events) {
    control(epoll_, EPOLL_CTL_MOD, fd, pollable, events);
}

void Loop::remove(int fd, Pollable& pollable) {
    control(epoll_, EPOLL_CTL_DEL, fd, pollable, 0);
    for (auto& event : batch_) {
        if (event.data.ptr == &pollable) event.data.ptr = nullptr;
    }
}

void Loop::poll(milliseconds wait) {
    const int count =
        ::epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), static_cast<int>(wait.count()));
    if (count < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category(), "epoll_wait");
    batch_ = std::span(events_).first(count > 0 ? static_cast<std::size_t>(count) : 0);
    for (const auto& event : batch_) {
        if (event.data.ptr != nullptr) static_cast<Pollable*>(event.data.ptr)->on_ready(event.events);
    }
    batch_ = {};
    retired_.clear();
}

}  // namespace parley::bench
