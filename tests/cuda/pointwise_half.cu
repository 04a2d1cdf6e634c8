// SPDX-License-Identifier: Apache-2.0
// Every pointwise operation on f16 and bf16, fused.
#include "../exec/support/pointwise.hpp"

POINTWISE_TESTS(false, fuse::f16, fuse::bf16)
