// SPDX-License-Identifier: Apache-2.0
// Every view of every dtype, fused and each alone, and rows taken by every integer dtype.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O1")  // many kernels: a third less compile time
#endif
#include "support/views.hpp"

using namespace views_of;

TEST_CASE_TEMPLATE("views of every dtype", T, FLOATS_TO_TEST, INTEGERS_TO_TEST) { check_dtype<T>(); }
#if !defined(__SANITIZE_ADDRESS__)
TEST_CASE_TEMPLATE("take by other integers", I, std::int64_t, std::int8_t, std::uint8_t) { check_gathers<I, false>(); }
#endif
