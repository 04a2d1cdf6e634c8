// SPDX-License-Identifier: Apache-2.0
#include "compositions.hpp"

using namespace nn_test;

namespace {

constexpr auto rms_norm_by = fx::compile<"rms_norm">([](auto x, auto w, auto e) { return fx::nn::rms_norm(x, w, e); });
constexpr auto add_rms_norm = fx::compile<"add_rms_norm">([](auto x, auto residual, auto w) {
  auto h = x + residual;
  return fx::outputs(h, fx::nn::rms_norm(h, w, 1e-5f));
});

using rows = fx::view<const float, extents<5, 48>>;
using row = fx::view<const float, extents<48>>;
static_assert(fx::kernel_count(rms_norm, rows{}, row{}) == 1);
static_assert(fx::kernel_count(layer_norm, rows{}, row{}, row{}) == 1);
static_assert(fx::kernel_count(add_rms_norm, rows{}, rows{}, row{}) == 1);

}  // namespace

TEST_CASE_TEMPLATE("rms_norm and layer_norm: rows of any length", T, FUSE_NN_FLOATS) {
  check_norms<T>({1, 3, 16, 37, 688});
}

TEST_CASE("layer_norm: a large mean costs no accuracy that the input still has") {
  auto x = random<matrix<float>>({3, 256}, 5);
  for (fx::index i = 0; i < x.size(); ++i) x[i] += 1000;
  const auto w = random<vector<float>>({256}, 6), b = random<vector<float>>({256}, 7);
  fx::host_executor<> cpu;
  check_close(layer_norm(cpu, x, w, b), exact_layer_norm(numbers_of(x), numbers_of(w), numbers_of(b), 1e-5f), 1e-4);
}

TEST_CASE("rms_norm: epsilon can be a run-time scalar, and keeps a row of zeros finite") {
  const auto x = random<matrix<float>>({2, 40}, 8, 1e-3);
  const auto w = random<vector<float>>({40}, 9);
  check(rms_norm_by, 1, exact_rms_norm(numbers_of(x), numbers_of(w), 0.25), x, w, 0.25f);
  matrix<float> zeros({1, 40});
  for (fx::index i = 0; i < 40; ++i) zeros[i] = 0;
  fx::host_executor<> cpu;
  const auto y = rms_norm(cpu, zeros, w);
  for (fx::index i = 0; i < 40; ++i) CHECK(y[i] == 0);
}

TEST_CASE("rms_norm: the sum of a residual is stored by the same kernel") {
  const auto x = random<matrix<float>>({5, 48}, 1), r = random<matrix<float>>({5, 48}, 2);
  const auto w = random<vector<float>>({48}, 3);
  fx::host_executor<> cpu;
  const auto [h, y] = add_rms_norm(cpu, x, r, w);
  CHECK(cpu.launches() == 1);
  numbers sum;
  for (fx::index i = 0; i < x.size(); ++i) sum.push_back(x[i] + r[i]);
  CHECK(numbers_of(h) == sum);
  check_close(y, exact_rms_norm(sum, numbers_of(w), 1e-5f), rounding<float>);
}

TEST_CASE("rms_norm: a weight of another length is refused") {
  fx::host_executor<> cpu;
  CHECK_THROWS_AS(rms_norm(cpu, random<matrix<float>>({2, 40}, 1), random<vector<float>>({41}, 2)), fx::error);
  CHECK_NOTHROW(rms_norm(cpu, random<matrix<float>>({2, 40}, 1), random<vector<float>>({40}, 2)));
}
