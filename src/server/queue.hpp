#pragma once

#include <boost/container/deque.hpp>

namespace parley::server {

// Holds no memory while it has never been used, unlike std::deque, which takes 576 bytes from the start: a session has
// four, a stream to a partner three. What it took when it was used goes back by shrink_to_fit().
template <class T>
using Queue = boost::container::deque<T>;

}  // namespace parley::server
