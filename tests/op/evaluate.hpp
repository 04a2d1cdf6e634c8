// SPDX-License-Identifier: Apache-2.0
// An operation's host evaluators, applied to columns of operands.
#pragma once
#include <algorithm>
#include <array>
#include <fuse/op/op_info.hpp>
#include <vector>

namespace evaluate {

/// Row i of the result is the operation applied to operand[0][i], operand[1][i], …; every lane of a pack is used.
template <class F, class T, std::size_t N>
std::vector<T> packs(const std::array<std::vector<T>, N>& operand) {
  constexpr int lanes = fuse::host_lanes;
  using pack = fuse::pack<T, lanes>;
  const std::size_t size = operand[0].size();
  std::vector<T> result(size);
  for (std::size_t i = 0; i < size; i += lanes) {
    const std::size_t count = std::min<std::size_t>(lanes, size - i);
    pack in[N];
    for (std::size_t k = 0; k < N; ++k) {
      in[k] = pack(T(1));
      for (std::size_t j = 0; j < count; ++j) fuse::packs::set_lane(in[k], int(j), operand[k][i + j]);
    }
    const pack out = fuse::op_of<F>.host.template get<T>()(in);
    for (std::size_t j = 0; j < count; ++j) result[i + j] = fuse::packs::lane(out, int(j));
  }
  return result;
}

template <class F, class T, std::size_t N>
std::vector<T> scalars(const std::array<std::vector<T>, N>& operand) {
  std::vector<T> result;
  for (std::size_t i = 0; i < operand[0].size(); ++i) {
    T in[N];
    for (std::size_t k = 0; k < N; ++k) in[k] = operand[k][i];
    result.push_back(fuse::ops::call<F>(in, std::make_index_sequence<N>{}));
  }
  return result;
}

/// All N-tuples of the values.
template <std::size_t N, class T>
std::array<std::vector<T>, N> all_tuples(const std::vector<T>& values) {
  std::array<std::vector<T>, N> r;
  std::size_t count = 1;
  for (std::size_t k = 0; k < N; ++k) count *= values.size();
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t k = 0, rest = i; k < N; ++k, rest /= values.size()) r[k].push_back(values[rest % values.size()]);
  return r;
}

}  // namespace evaluate
