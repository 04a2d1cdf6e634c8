// SPDX-License-Identifier: Apache-2.0
// Every view of every dtype, fused and each alone, and rows taken by every integer dtype.
#include "support/views.hpp"

using namespace views_of;

TEST_CASE_TEMPLATE("views of every dtype", T, FLOATS_TO_TEST, INTEGERS_TO_TEST) { check_dtype<T>(); }
TEST_CASE("take by every integer dtype") { check_index_dtypes(); }
