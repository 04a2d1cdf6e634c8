// SPDX-License-Identifier: Apache-2.0
// Every pointwise operation on integers and bool, fused and alone.
#include "support/pointwise.hpp"

POINTWISE_TESTS(machine::runs_eager, INTEGERS_TO_TEST)
POINTWISE_TEST(bits, machine::runs_eager, INTEGERS_TO_TEST)
