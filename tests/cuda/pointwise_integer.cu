// SPDX-License-Identifier: Apache-2.0
// Every pointwise operation on integers and bool, fused.
#include "../exec/support/pointwise.hpp"

POINTWISE_TESTS(false, bool, std::uint8_t, std::int8_t, std::int32_t, std::int64_t)
POINTWISE_TEST(bits, false, bool, std::uint8_t, std::int8_t, std::int32_t, std::int64_t)
