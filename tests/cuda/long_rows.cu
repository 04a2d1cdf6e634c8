// SPDX-License-Identifier: Apache-2.0
// Sums over long rows, a block for each.
#include "../exec/support/long_rows.hpp"

TEST_CASE("sums over long rows") { long_rows::check<float>(600001); }
