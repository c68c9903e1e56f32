#pragma once

#include <cassert>
#include <memory>
#include <type_traits>
#include <utility>

namespace parley {

template <class Signature>
class Function;

// A move-only std::function (std::move_only_function is C++23). Continuations own buffers, timers and connections,
// which cannot be copied; std::function would force shared_ptr on all of them.
template <class R, class... Args>
class Function<R(Args...)> {
public:
    Function() = default;
    Function(std::nullptr_t) {}
    template <class F, class = std::enable_if_t<!std::is_same_v<std::decay_t<F>, Function> &&
                                                std::is_invocable_r_v<R, std::decay_t<F>&, Args...>>>
    Function(F&& f) : body_(std::make_unique<Body<std::decay_t<F>>>(std::in_place, std::forward<F>(f))) {}

    explicit operator bool() const { return body_ != nullptr; }
    R operator()(Args... args) const {
        assert(body_);
        return body_->call(std::forward<Args>(args)...);
    }

private:
    struct Base {
        virtual ~Base() = default;
        virtual R call(Args... args) = 0;
    };
    template <class F>
    struct Body final : Base {
        template <class G>
        Body(std::in_place_t, G&& f) : function(std::forward<G>(f)) {}
        R call(Args... args) override { return function(std::forward<Args>(args)...); }
        F function;
    };
    std::unique_ptr<Base> body_;
};

}  // namespace parley
