// SPDX-License-Identifier: Apache-2.0
// Every pointwise operation on bool, and on integers that compute in 32 and in 64 bits, fused.
#include "../exec/support/pointwise.hpp"

POINTWISE_TESTS(false, bool, std::int8_t, std::int64_t)
POINTWISE_TEST(bits, false, std::uint8_t, std::int32_t, std::int64_t)
