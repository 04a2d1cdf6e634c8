// SPDX-License-Identifier: Apache-2.0
// Zeros of both signs, infinities and NaN through everything that traces and plans put in place of what was written.
#include "../exec/support/signs.hpp"

TEST_CASE_TEMPLATE("neutral elements change nothing but what they change", T, float) { signs::check_neutral<T>(); }
TEST_CASE("literals that fold") { signs::check_folded(); }
TEST_CASE_TEMPLATE("elements over a value of their row", T, float) { signs::check_divided<T>(); }
TEST_CASE_TEMPLATE("reductions of rows of one element, and of negative zeros", T, float) { signs::check_reduced<T>(); }
TEST_CASE("joined tensors") { signs::check_joined(); }
