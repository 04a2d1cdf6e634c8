// SPDX-License-Identifier: Apache-2.0
// A fused function of a project that is not fuse's own.
#include <fuse/fuse.hpp>

int main() {
  constexpr auto scaled_sum =
      fuse::compile<"scaled_sum">([](auto x, auto y) { return fuse::sum(x * 2.f + y, fuse::row); });
  using matrix = fuse::tensor<float, fuse::extents<2, 3>>;
  const matrix x({2, 3}, {1, 2, 3, 4, 5, 6}), y({2, 3}, {1, 1, 1, 0, 0, 0});
  fuse::host_executor cpu;
  const auto sums = scaled_sum(cpu, x, y);
  return sums[0] == 15 && sums[1] == 30 ? 0 : 1;
}
