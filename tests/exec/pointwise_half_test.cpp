// SPDX-License-Identifier: Apache-2.0
// Every pointwise operation on f16 and bf16, fused and alone.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O1")  // hundreds of kernels: a third less compile time
#endif
#include "support/pointwise.hpp"

POINTWISE_TESTS(machine::runs_eager, fuse::f16, fuse::bf16)
