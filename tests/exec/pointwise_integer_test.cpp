// SPDX-License-Identifier: Apache-2.0
// Every pointwise operation on integers and bool, fused and alone.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O1")  // hundreds of kernels: a third less compile time
#endif
#include "support/pointwise.hpp"

POINTWISE_TESTS(machine::runs_eager, INTEGERS_TO_TEST)
POINTWISE_TEST(bits, machine::runs_eager, INTEGERS_TO_TEST)
