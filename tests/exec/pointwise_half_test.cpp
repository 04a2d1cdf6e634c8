// SPDX-License-Identifier: Apache-2.0
// Every pointwise operation on f16 and bf16, fused and alone.
#include "support/pointwise.hpp"

POINTWISE_TESTS(machine::runs_eager, fuse::f16, fuse::bf16)
