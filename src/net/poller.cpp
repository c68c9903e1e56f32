#include "net/poller.hpp"

#include <cerrno>
#include <system_error>
#include <unistd.h>

namespace parley::net {

Poller::Poller() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (epoll_ < 0) throw std::system_error(errno, std::system_category(), "epoll_create1");
}

Poller::~Poller() {
    clear();
    ::close(epoll_);
}

Poller::Id Poller::add(int fd, std::shared_ptr<Pollable> target, std::uint32_t events) {
    std::uint32_t index = 0;
    if (free_.empty()) {
        index = static_cast<std::uint32_t>(slots_.size());
        slots_.emplace_back();
    } else {
        index = free_.back();
        free_.pop_back();
    }
    auto& slot = slots_[index];
    slot.target = std::move(target);
    slot.fd = fd;
    const Id id = (static_cast<Id>(slot.generation) << 32) | index;
    epoll_event event{};
    event.events = events;
    event.data.u64 = id;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) {
        const auto cause = errno;
        slot.target.reset();
        free_.push_back(index);
        throw std::system_error(cause, std::system_category(), "epoll_ctl");
    }
    return id;
}

Poller::Slot* Poller::find(Id id) {
    const auto index = static_cast<std::uint32_t>(id);
    if (id == 0 || index >= slots_.size()) return nullptr;
    auto& slot = slots_[index];
    return slot.target && slot.generation == id >> 32 ? &slot : nullptr;
}

void Poller::change(Id id, std::uint32_t events) {
    const auto* slot = find(id);
    if (slot == nullptr) return;
    epoll_event event{};
    event.events = events;
    event.data.u64 = id;
    ::epoll_ctl(epoll_, EPOLL_CTL_MOD, slot->fd, &event);
}

void Poller::remove(Id id) {
    auto* slot = find(id);
    if (slot == nullptr) return;
    ::epoll_ctl(epoll_, EPOLL_CTL_DEL, slot->fd, nullptr);
    const auto target = std::move(slot->target);  // may be the last owner: goes when the slot is in order again
    slot->target.reset();
    slot->fd = -1;
    if (++slot->generation == 0) slot->generation = 1;
    free_.push_back(static_cast<std::uint32_t>(id));
}

void Poller::clear() {
    for (std::size_t i = 0; i < slots_.size(); ++i)
        if (slots_[i].target) remove((static_cast<Id>(slots_[i].generation) << 32) | i);
}

std::size_t Poller::wait(Millis longest) {
    const auto count =
        ::epoll_wait(epoll_, ready_.data(), static_cast<int>(ready_.size()), static_cast<int>(longest.count()));
    return count > 0 ? static_cast<std::size_t>(count) : 0;
}

void Poller::dispatch(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        const auto event = ready_[i];
        const auto* slot = find(event.data.u64);
        if (slot == nullptr) continue;  // removed by one that came before it in this batch
        const auto target = slot->target;
        target->on_ready(event.events);
    }
}

}  // namespace parley::net
