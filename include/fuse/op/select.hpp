// SPDX-License-Identifier: Apache-2.0
// where(condition, a, b): a where the condition holds, else b.
#pragma once
#include <fuse/expr/apply.hpp>

namespace fuse {
namespace ops {

/// The condition may have any dtype (not zero is true) and takes no part in the promotion of a and b.
struct where_t {
  static constexpr const char* name = "where";
  static constexpr int arity = 3;
  static constexpr bool folds = true;
  static constexpr bool first_is_condition = true;
  template <class V>
  FUSE_HD constexpr V operator()(V condition, V a, V b) const {
    return select(condition != V(0), a, b);
  }
};

}  // namespace ops

inline constexpr op<ops::where_t> where{};

}  // namespace fuse
