// SPDX-License-Identifier: Apache-2.0
// Pointwise functions of every short length, with what is beside their results.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O1")  // many kernels: a third less compile time
#endif
#include "support/tails.hpp"

TAILS_TESTS
