// SPDX-License-Identifier: Apache-2.0
// Every reduction on integers and bool, over rows of every length, alone and in the middle of expressions, fused and
// each alone.
#include "support/reductions.hpp"

TEST_CASE_TEMPLATE("reductions of rows of any length", T, INTEGERS_TO_TEST) { reductions::check_lengths<T>(); }
TEST_CASE_TEMPLATE("rows without elements", T, INTEGERS_TO_TEST) { reductions::check_empty_rows<T>(); }
