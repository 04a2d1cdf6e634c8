// SPDX-License-Identifier: Apache-2.0
// The loop over lanes that almost every handler is: reads operands as typed values, applies a function, writes where
// the mask holds. The full-mask form vectorises.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

#include "state.hpp"

namespace sim::ptx {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using s8 = std::int8_t;
using s16 = std::int16_t;
using s32 = std::int32_t;
using s64 = std::int64_t;

template <class T>
using slot = std::conditional_t<sizeof(T) == 8, u64, u32>;

template <class T>
inline T from_slot(slot<T> bits) {
  if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>)
    return std::bit_cast<T>(bits);
  else
    return T(bits);
}
template <class T>
inline slot<T> to_slot(T value) {
  if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>)
    return std::bit_cast<slot<T>>(value);
  else
    return slot<T>(std::make_unsigned_t<T>(value));
}

template <class T>
inline slot<T>* lane_array(warp& w, operand o) {
  return static_cast<slot<T>*>(__builtin_assume_aligned(w.at<slot<T>>(o), 64));
}

/// d[lane] = f(sources[lane]...) for the lanes of `mask`. f is also evaluated on the other lanes' values: it must be
/// defined for all.
template <class D, class... S, class F, class... O>
inline flow map(warp& w, const instruction& i, u32 mask, F f, O... sources) {
  slot<D>* d = lane_array<D>(w, i.d);
  const auto body = [&](slot<S>*... s) {
    if (mask == all_lanes) {
#pragma GCC ivdep
      for (unsigned l = 0; l < lanes; ++l) d[l] = to_slot<D>(f(from_slot<S>(s[l])...));
    } else {
#pragma GCC ivdep
      for (unsigned l = 0; l < lanes; ++l) {
        const slot<D> r = to_slot<D>(f(from_slot<S>(s[l])...));
        d[l] = (mask >> l & 1) != 0 ? r : d[l];
      }
    }
  };
  body(lane_array<S>(w, sources)...);
  return flow::next;
}

/// The same for functions that cost much: only the lanes of `mask` are computed.
template <class D, class... S, class F, class... O>
inline flow map_active(warp& w, const instruction& i, u32 mask, F f, O... sources) {
  slot<D>* d = lane_array<D>(w, i.d);
  const auto body = [&](slot<S>*... s) {
    for (u32 m = mask; m != 0; m &= m - 1) {
      const unsigned l = unsigned(std::countr_zero(m));
      d[l] = to_slot<D>(f(from_slot<S>(s[l])...));
    }
  };
  body(lane_array<S>(w, sources)...);
  return flow::next;
}

/// A mask with bit `lane` set where f(sources[lane]...) holds.
template <class... S, class F, class... O>
inline u32 ballot(warp& w, F f, O... sources) {
  const auto body = [&](slot<S>*... s) {
    u32 result = 0;
    for (unsigned l = 0; l < lanes; ++l) result |= u32(bool(f(from_slot<S>(s[l])...))) << l;
    return result;
  };
  return body(lane_array<S>(w, sources)...);
}

inline void write_mask(warp& w, operand d, u32 mask, u32 value) {
  u32& p = *w.at<u32>(d);
  p = (p & ~mask) | (value & mask);
}

template <class T>
struct tag {
  using type = T;
};

}  // namespace sim::ptx
