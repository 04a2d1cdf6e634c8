// SPDX-License-Identifier: Apache-2.0
// Every pointwise operation on f32 and f64, fused and alone.
#include "support/pointwise.hpp"

POINTWISE_TESTS(machine::runs_eager, float, double)
