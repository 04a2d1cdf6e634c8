// SPDX-License-Identifier: Apache-2.0
// Bytes of bool other than 0 and 1.
#include "../exec/support/bool_bytes.hpp"

TEST_CASE("any byte but 0 is true") {
  machine::fused_executor e;
  bool_bytes::check_views(e);
  bool_bytes::check_others(e);
}
