// SPDX-License-Identifier: Apache-2.0
// Every pointwise operation on f32, fused and alone, and on f64, fused.
#include "../exec/support/pointwise.hpp"

POINTWISE_TESTS(true, float)
POINTWISE_TESTS(false, double)
