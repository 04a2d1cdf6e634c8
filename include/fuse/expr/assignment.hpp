// SPDX-License-Identifier: Apache-2.0
// Compound assignments of expressions, which are values: refused in words.
#pragma once
#include <fuse/expr/expr.hpp>

namespace fuse {

#define FUSE_REFUSE(sign)                      \
  template <expression A, class B>             \
  constexpr A& operator sign(A& a, const B&) { \
    refuse::compound_assignment<A, #sign>();   \
    return a.refuse_graph(), a;                \
  }
FUSE_REFUSE(+=)
FUSE_REFUSE(-=)
FUSE_REFUSE(*=)
FUSE_REFUSE(/=)
FUSE_REFUSE(%=)
FUSE_REFUSE(&=)
FUSE_REFUSE(|=)
FUSE_REFUSE(^=)
FUSE_REFUSE(<<=)
FUSE_REFUSE(>>=)
#undef FUSE_REFUSE
#define FUSE_REFUSE(sign)                    \
  template <expression A>                    \
  constexpr A& operator sign(A& a) {         \
    refuse::compound_assignment<A, #sign>(); \
    return a.refuse_graph(), a;              \
  }                                          \
  template <expression A>                    \
  constexpr A operator sign(A& a, int) {     \
    refuse::compound_assignment<A, #sign>(); \
    return a.refuse_graph(), a;              \
  }
FUSE_REFUSE(++)
FUSE_REFUSE(--)
#undef FUSE_REFUSE

}  // namespace fuse
