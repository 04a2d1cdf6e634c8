// SPDX-License-Identifier: Apache-2.0
// A result of a graphed call. It lies in the graph's memory, where the next replay writes its own.
#pragma once
#include <atomic>
#include <fuse/runtime/inputs.hpp>
#include <memory>
#include <tuple>

namespace fuse {

namespace runtime {

/// The memory of the graphs that one graphed function has captured.
struct graph_memory {
  buffer memory;
  index bytes = 0;
  std::atomic<std::uint64_t> generation = 0;  // replays that have written to it

  std::uint64_t address() const { return reinterpret_cast<std::uintptr_t>(memory.data()); }
};

}  // namespace runtime

template <class V>
class replayed {
 public:
  replayed() = default;
  replayed(V view, std::shared_ptr<void> owner) : view_(view), owner_(std::move(owner)) {}
  replayed(V view, std::shared_ptr<runtime::graph_memory> memory)
      : view_(view), memory_(memory.get()), generation_(memory->generation), owner_(std::move(memory)) {}

  /// The result; valid until the next replay. Throws once that has been launched.
  V view() const {
    if (memory_ && memory_->generation != generation_)
      throw error(error_category::argument,
                  text("fuse::graphed: this result has been overwritten: it is of replay ")
                      << generation_ << ", and replay " << memory_->generation.load()
                      << " has been launched since (copy it before the next call, or let the function write to "
                         "memory of yours with fuse::out)");
    return view_;
  }
  /// A part of it, under the same rules.
  replayed narrowed(V part) const {
    replayed r = *this;
    r.view_ = part;
    return r;
  }
  /// What keeps the memory alive.
  const std::shared_ptr<void>& owner() const { return owner_; }

 private:
  V view_{};
  runtime::graph_memory* memory_ = nullptr;
  std::uint64_t generation_ = 0;
  std::shared_ptr<void> owner_;
};

namespace runtime {

/// What a function returned, with what its memory belongs to.
template <class R>
struct held {
  static_assert(std::is_same_v<R, refuse::nothing>,
                "fuse::graphed: the function returns neither a tensor, a view, a replayed result, a tuple of them, nor "
                "nothing");
  using type = refuse::nothing;
  static constexpr int tensors = 0;
  static type of(const R&) { return {}; }
};
template <>
struct held<void> {
  static constexpr int tensors = 0;
};
template <class T, class E, class L>
struct held<view<T, E, L>> {
  using type = replayed<view<T, E, L>>;
  static constexpr int tensors = 0;
  static type of(const view<T, E, L>& v) { return {v, std::shared_ptr<void>()}; }
};
template <class T, class E>
struct held<tensor<T, E>> {
  using type = replayed<view<T, E>>;
  static constexpr int tensors = 1;
  static type of(tensor<T, E>&& t) {
    auto owner = std::make_shared<tensor<T, E>>(std::move(t));
    return {owner->view(), owner};
  }
};
template <class V>
struct held<replayed<V>> {
  using type = replayed<V>;
  static constexpr int tensors = 1;
  static type of(replayed<V>&& r) { return std::move(r); }
};
template <class... R>
struct held<std::tuple<R...>> {
  using type = std::tuple<typename held<R>::type...>;
  static constexpr int tensors = (0 + ... + held<R>::tensors);
  static type of(std::tuple<R...>&& t) {
    return std::apply([](auto&... r) { return type{held<R>::of(std::move(r))...}; }, t);
  }
};

/// f(result) for each single result.
template <class F>
refuse::nothing map_results(const refuse::nothing&, F&&) {
  return {};
}
template <class V, class F>
auto map_results(const replayed<V>& r, F&& f) {
  return f(r);
}
template <class... V, class F>
auto map_results(const std::tuple<replayed<V>...>& t, F&& f) {
  return std::apply([&](const auto&... r) { return std::tuple<decltype(f(r))...>{f(r)...}; }, t);
}

}  // namespace runtime
}  // namespace fuse
