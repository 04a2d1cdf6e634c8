// SPDX-License-Identifier: Apache-2.0
// Sums over rows so long that one f32 cannot add them up: within 1e-6 of what they are.
#pragma once
#include "places.hpp"

namespace long_rows {
namespace fx = fuse;
using places::dyn;

inline constexpr auto reduce = fx::compile<"reduce">([](auto x) {
  constexpr auto last = fx::axis<-1>;
  return fx::outputs(fx::sum(x, last), fx::mean(x, last), fx::var(x, last), fx::norm(x, last));
});

/// Rows of one number, whose errors add up, and of different ones.
template <class T>
void check(fx::index n) {
  constexpr double bound = std::is_same_v<T, float> ? 1e-6 : 0x1p-8;  // bf16: its own rounding
  fx::tensor<T, fx::extents<dyn, dyn>> x({3, n});
  unsigned u = 1;
  for (fx::index i = 0; i < n; ++i) {
    u = u * 1664525u + 1013904223u;
    x[i] = T(0.1f), x[n + i] = T(0.7f), x[2 * n + i] = T(float(u >> 8) / 8388608.f + 0.25f);
  }
  machine::fused_executor e;
  const auto [sum, mean, var, norm] = machine::call(e, reduce, x);
  for (int r = 0; r < 3; ++r) {
    CAPTURE(r);
    double exact = 0, squares = 0, spread = 0;
    for (fx::index i = 0; i < n; ++i) exact += double(float(x[r * n + i]));
    for (fx::index i = 0; i < n; ++i) {
      const double v = double(float(x[r * n + i])), d = v - exact / double(n);
      squares += v * v, spread += d * d;
    }
    auto off = [](T got, double want) { return std::fabs(double(float(got)) / want - 1); };
    CHECK(off(sum[r], exact) <= bound);
    CHECK(off(mean[r], exact / double(n)) <= bound);
    CHECK(off(norm[r], std::sqrt(squares)) <= bound);
    if (r == 2)
      CHECK(off(var[r], spread / double(n - 1)) <= bound);
    else
      CHECK(float(var[r]) <= 1e-12f);
  }
}

}  // namespace long_rows
