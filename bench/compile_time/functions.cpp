// SPDX-License-Identifier: Apache-2.0
// What measure.py compiles: FUNCTIONS compiled functions of everyday kinds, none equal to another, each called once.
// nvcc compiles them for the CUDA executor, other compilers for the host executor.
#include <fuse/fuse.hpp>
#if defined(__CUDACC__)
#include <fuse/exec/cuda_executor.hpp>
using executor = fuse::cuda_executor<>;
#else
using executor = fuse::host_executor<>;
#endif

namespace fx = fuse;
using matrix = fx::tensor<float, fx::extents<fx::dyn, 4096>>;
using vector = fx::tensor<float, fx::extents<4096>>;

#if FUNCTIONS > 0
constexpr auto add_rms_norm = fx::compile<"add_rms_norm">([](auto x, auto residual, auto weight) {
  auto h = x + residual;
  return fx::outputs(h, h * fx::rsqrt(fx::mean(h * h, fx::row) + 1e-5f) * weight);
});
auto call(executor& e, const matrix& x, const matrix& residual, const vector& weight) {
  return add_rms_norm(e, x, residual, weight);
}
#endif

#if FUNCTIONS > 1
constexpr auto silu_mul = fx::compile<"silu_mul">([](auto gate, auto up) { return fx::silu(gate) * up; });
auto call(executor& e, const matrix& gate, const matrix& up) { return silu_mul(e, gate, up); }
#endif

#if FUNCTIONS > 2
constexpr auto softmax = fx::compile<"softmax">([](auto x) {
  auto e = fx::exp(x - fx::max(x, fx::row));
  return e / fx::sum(e, fx::row);
});
auto call(executor& e, const matrix& x) { return softmax(e, x); }
#endif

#if FUNCTIONS > 3
constexpr auto bias_gelu = fx::compile<"bias_gelu">([](auto x, auto bias) { return fx::gelu(x + bias); });
auto call(executor& e, const matrix& x, const vector& bias) { return bias_gelu(e, x, bias); }
#endif

#if FUNCTIONS > 4
constexpr auto layer_norm = fx::compile<"layer_norm">([](auto x, auto weight, auto bias) {
  auto centred = x - fx::mean(x, fx::row);
  return centred * fx::rsqrt(fx::mean(centred * centred, fx::row) + 1e-5f) * weight + bias;
});
auto call(executor& e, const matrix& x, const vector& weight, const vector& bias) {
  return layer_norm(e, x, weight, bias);
}
#endif
