// SPDX-License-Identifier: Apache-2.0
// The compositions of fuse/nn in f32 and bf16, each one kernel.
#include "../nn/compositions.hpp"

using namespace nn_test;

#define TYPES float, fuse::bf16
TEST_CASE_TEMPLATE("softmax and log_softmax", T, TYPES) { check_softmax<T>({1, 2, 16, 37, 1000}); }
TEST_CASE_TEMPLATE("rms_norm and layer_norm", T, TYPES) { check_norms<T>({1, 3, 16, 37, 688}); }
TEST_CASE_TEMPLATE("swiglu and geglu", T, TYPES) { check_gated<T>(); }
TEST_CASE_TEMPLATE("rope: both pairings", T, TYPES) { check_rope<T>({2, 6, 64}); }
TEST_CASE_TEMPLATE("cross_entropy", T, TYPES) { check_cross_entropy<T>({2, 37, 2048}); }
TEST_CASE_TEMPLATE("causal attention", T, TYPES) {
  check_attention<T, true>({{2, 3, 5, 5, 16, 16}, {2, 1, 1, 33, 64, 64}, {3, 2, 7, 19, 20, 12}});
}
TEST_CASE("attention without a mask") { check_attention<float, false>({{2, 3, 5, 21, 16, 16}}); }
