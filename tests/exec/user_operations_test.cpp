// SPDX-License-Identifier: Apache-2.0
// Operations of the user's that differ only in what compilers have no name for.
#include <doctest/doctest.h>

#include <fuse/fuse.hpp>

namespace {
namespace fx = fuse;

template <class Factor>
struct scaled_t {
  static constexpr const char* name = "scaled";
  static constexpr int arity = 1;
  template <class V>
  FUSE_HD constexpr V operator()(V x) const {
    return x * V(Factor{}());
  }
};
constexpr auto two = [] { return 2.f; };
constexpr auto three = [] { return 3.f; };
template <class Factor>
inline constexpr fx::op<scaled_t<Factor>> scaled{};

constexpr auto five_times = fx::compile<"five_times">([](auto x) {
  return scaled<std::remove_const_t<decltype(two)>>(x) + scaled<std::remove_const_t<decltype(three)>>(x);
});
}  // namespace

TEST_CASE("operations of different lambdas are different operations") {
  const fx::tensor<float, fx::extents<2>> x({2}, {1, -2});
  for (const fx::mode how : {fx::mode::fused, fx::mode::eager}) {
    fx::host_executor<fx::modes::any> cpu(how);
    const auto y = five_times(cpu, x);
    CHECK(y[0] == 5);
    CHECK(y[1] == -10);
  }
}
