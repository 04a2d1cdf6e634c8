// SPDX-License-Identifier: Apache-2.0
// Rotary position encoding: pairs of elements of a head turn by an angle that grows with the position.
//
// Both functions take x (..., d) and the cosines and sines of the angles (..., d / 2), which broadcast over x's leading
// axes: for x (tokens, heads, d) they are (tokens, 1, d / 2). They give (..., d) in x's dtype; the turning itself is
// computed in the promoted dtype of the three.
// Source: Su et al., "RoFormer" (2021), equation 34.
#pragma once
#include <fuse/op/arithmetic.hpp>
#include <fuse/op/views.hpp>

namespace fuse::nn {

namespace rotary {

/// x (..., d) as (..., before, after), and back: the lengths are known even where d is not static.
template <expression A, class Before, class After>
constexpr auto split_last(A x, Before before, After after) {
  return [&]<int... I>(std::integer_sequence<int, I...>) { return reshape(x, extent<I>(x)..., before, after); }
  (std::make_integer_sequence<int, A::rank - 1>{});
}
template <expression A, expression Like>
constexpr auto shaped_like(A x, Like like) {
  return [&]<int... I>(std::integer_sequence<int, I...>) { return reshape(x, extent<I>(like)...); }
  (std::make_integer_sequence<int, Like::rank>{});
}

/// Turns the pairs that lie along `Axis` (of length 2) of `pairs`.
template <int Axis, expression A, expression C, expression S>
constexpr auto turn(A pairs, C cos, S sin) {
  auto a = squeeze<Axis>(slice<Axis, 0, 1>(pairs));
  auto b = squeeze<Axis>(slice<Axis, 1, 2>(pairs));
  return cast<A::type>(concat<Axis>(unsqueeze<Axis>(a * cos - b * sin), unsqueeze<Axis>(b * cos + a * sin)));
}

}  // namespace rotary

/// Element i pairs with element i + d / 2, as Hugging Face checkpoints of Llama have it.
template <expression A, expression C, expression S>
constexpr auto rope(A x, C cos, S sin) {
  return rotary::shaped_like(rotary::turn<-2>(rotary::split_last(x, size<2>, extent<-1>(cos)), cos, sin), x);
}

/// Element 2 i pairs with element 2 i + 1, as in the paper.
template <expression A, expression C, expression S>
constexpr auto rope_interleaved(A x, C cos, S sin) {
  return rotary::shaped_like(rotary::turn<-1>(rotary::split_last(x, extent<-1>(cos), size<2>), cos, sin), x);
}

}  // namespace fuse::nn
