// SPDX-License-Identifier: Apache-2.0
// Bytes of bool other than 0 and 1.
#include "support/bool_bytes.hpp"

TEST_CASE("any byte but 0 is true") {
  for (const fuse::mode m : {fuse::mode::fused, fuse::mode::eager}) {
    machine::any_executor e(m);
    bool_bytes::check_views(e);
    bool_bytes::check_others(e);
  }
}
