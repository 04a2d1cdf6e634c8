// SPDX-License-Identifier: Apache-2.0
// Tensors of random numbers in an executor's memory: the same numbers in every run.
#pragma once
#include <array>
#include <cstdint>
#include <fuse/fuse.hpp>
#include <memory>
#include <utility>
#include <vector>

namespace bench {

/// Owns what it makes.
template <class Executor>
class random_source {
 public:
  explicit random_source(Executor& executor) : executor_(executor) {}

  template <class T, class E>
  fuse::view<const T, E> normal(const std::array<fuse::index, E::rank>& lengths, float deviation = 1) {
    return filled<T, E>(lengths, [deviation](std::uint64_t bits) {
      // Four uniform numbers of variance 1/12 each: their sum is nearly normal (Irwin and Hall), and quick to make.
      const auto sum =
          std::int32_t((bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48)) - 0x20000;
      return T(float(sum) * (deviation * 1.7320508f * 0x1p-16f));
    });
  }
  template <class E>
  fuse::view<const std::int64_t, E> integers(const std::array<fuse::index, E::rank>& lengths, fuse::index below) {
    return filled<std::int64_t, E>(lengths, [below](std::uint64_t bits) { return std::int64_t(bits >> 1) % below; });
  }
  template <class T, class E>
  fuse::view<T, E> empty(const std::array<fuse::index, E::rank>& lengths) {
    return keep(executor_.template empty<T, E>(lengths));
  }

 private:
  template <class T, class E, class F>
  fuse::view<const T, E> filled(const std::array<fuse::index, E::rank>& lengths, F value) {
    fuse::tensor<T, E> host(lengths);
    const std::uint64_t first = ++made_ << 40;
    const int shares = 8 * fuse::host_threads::count();
    fuse::host_threads::run(shares, [&](int share) {
      for (fuse::index i = host.size() * share / shares; i < host.size() * (share + 1) / shares; ++i)
        host[i] = value(mixed((first + std::uint64_t(i)) * 0x9e3779b97f4a7c15u));
    });
    if constexpr (requires { executor_.upload(host); })
      return keep(executor_.upload(host));
    else
      return keep(std::move(host));
  }
  /// The finaliser of SplitMix64: every bit of the result depends on every bit of the argument.
  static std::uint64_t mixed(std::uint64_t x) {
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
  }
  template <class T, class E>
  fuse::view<T, E> keep(fuse::tensor<T, E> x) {
    const auto owner = std::make_shared<fuse::tensor<T, E>>(std::move(x));
    kept_.push_back(owner);
    return owner->view();
  }

  Executor& executor_;
  std::vector<std::shared_ptr<void>> kept_;
  std::uint64_t made_ = 0;
};

}  // namespace bench
