// SPDX-License-Identifier: Apache-2.0
// Products and sums as they are written.
#include "../exec/support/contraction.hpp"

using namespace contraction;

TEST_CASE("a product and a sum are two roundings, fma is one") {
  for (const fx::mode m : {fx::mode::fused, fx::mode::eager}) {
    check_differences<float>(m);
    check_sums<float>(m);
  }
}
TEST_CASE("eager and fused plans have the same bits") { check_plans<float>(activations); }
