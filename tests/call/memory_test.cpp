// SPDX-License-Identifier: Apache-2.0
// Out of memory on the host: a call that cannot have what it needs throws before its first kernel runs.
#include <doctest/doctest.h>

#include <cstring>
#include <fuse/fuse.hpp>
#include <string>

namespace fx = fuse;
namespace {

using strided = fx::view<float, fx::extents<1, fx::dyn>, fx::strided>;
using small = fx::tensor<float, fx::extents<fx::dyn>>;
constexpr fx::index enormous = fx::index(1) << 45;  // elements: as many bytes as a process has addresses

constexpr auto later_scratch = fx::compile<"later_scratch">([](auto x, auto row) {
  auto e = fx::exp(row - fx::max(row, fx::row));
  return fx::outputs(x + 1.f, fx::max(e / fx::sum(e, fx::row), fx::axis<-1>));
});
constexpr auto intermediate = fx::compile<"intermediate">(
    [](auto x, auto row) { return fx::outputs(x + 1.f, fx::sum(row * 2.f, fx::axis<-1>)); });

template <class F, class Executor>
void check(const F& f, Executor& cpu) {
  small x({3}, {1, 2, 3}), first({3}, {7, 7, 7});
  fx::tensor<float, fx::extents<1>> second({1}, {7});
  float one = 1;
  const strided row(&one, {1, enormous}, {0, 0}), short_row(&one, {1, 4}, {0, 0});
  const auto launches = cpu.launches();
  std::string said;
  try {
    f(cpu, fx::out(first, second), x, row);
  } catch (const fx::error& e) {
    said = e.what();
    CHECK(e.category() == fx::error_category::memory);
  }
  CAPTURE(said);
  CHECK(said.find("fuse: could not allocate") == 0);
  CHECK(cpu.launches() == launches);
  for (int i = 0; i < 3; ++i) CHECK(first[i] == 7);
  CHECK(second[0] == 7);
  f(cpu, fx::out(first, second), x, short_row);
  CHECK(first[2] == 4);
  CHECK(second[0] != 7);
}

}  // namespace

TEST_CASE("scratch memory of a later kernel") {
  fx::host_executor cpu;
  check(later_scratch, cpu);
}
TEST_CASE("intermediates of an eager plan") {
  fx::host_executor<fx::modes::any> cpu(fx::mode::eager);
  check(intermediate, cpu);
}
TEST_CASE("results of a call that allocates them") {
  fx::host_executor cpu;
  float one = 1;
  const strided row(&one, {1, enormous}, {0, 0});
  constexpr auto twice = fx::compile<"twice">([](auto v) { return v * 2.f; });
  CHECK_THROWS_AS(twice(cpu, row), fx::error);
  CHECK(cpu.launches() == 0);
}
