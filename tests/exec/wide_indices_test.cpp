// SPDX-License-Identifier: Apache-2.0
// More than 2^31 elements: real memory of more than 4 GiB addresses, of which few pages exist, and lengths beyond 2^32
// that strides of 0 make out of little memory. 32-bit arithmetic anywhere would read or count something else.
#include <doctest/doctest.h>
#include <sys/mman.h>

#include <fuse/fuse.hpp>

namespace fx = fuse;
namespace {

constexpr fx::index dyn = fx::dyn;
using bytes = fx::view<std::int8_t, fx::extents<dyn>>;
using strided_bytes = fx::view<std::int8_t, fx::extents<dyn, dyn>, fx::strided>;

/// Address space full of zeros; a page becomes memory when it is written, and one shared page serves all reads.
struct zeros {
  std::size_t size;
  std::int8_t* data;
  explicit zeros(std::size_t n) : size(n) {
    void* p = mmap(nullptr, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    REQUIRE(p != MAP_FAILED);
    data = static_cast<std::int8_t*>(p);
  }
  zeros(const zeros&) = delete;
  zeros& operator=(const zeros&) = delete;
  ~zeros() { munmap(data, size); }
};

constexpr fx::index beyond = (fx::index(1) << 32) + 12345;

}  // namespace

constexpr auto ends = fx::compile<"ends">([](auto x) {
  return fx::outputs(fx::slice<0, -3>(x) + 0, fx::slice<0, 0, 2>(fx::flip<0>(x)) * 2,
                     fx::slice<0, 4294967296, 4294967299>(x) + 0);
});
TEST_CASE("slices at the far end of 2^32 elements") {
  zeros memory{std::size_t(beyond)};
  for (int i = 1; i <= 3; ++i) memory.data[beyond - i] = std::int8_t(i);
  memory.data[fx::index(1) << 32] = 7, memory.data[0] = 99;
  fx::host_executor cpu;
  const auto [last, flipped, middle] = ends(cpu, bytes(memory.data, {beyond}));
  CHECK(last[0] == 3);
  CHECK(last[2] == 1);
  CHECK(flipped[0] == 2);
  CHECK(flipped[1] == 4);
  CHECK(middle[0] == 7);
  CHECK(middle[1] == 0);
}

constexpr auto take_rows = fx::compile<"take_rows">([](auto x, auto i) { return fx::take(x, i); });
constexpr auto replace_rows =
    fx::compile<"replace_rows">([](auto x, auto i, auto v) { return fx::scatter<0>(x, i, v); });
TEST_CASE("gather and scatter beyond 2^32 elements") {
  using table = fx::view<std::int8_t, fx::extents<dyn, 4>>;
  zeros memory{std::size_t(beyond) * 4};
  const fx::index far = beyond - 5;
  for (int c = 0; c < 4; ++c) memory.data[far * 4 + c] = std::int8_t(10 + c);
  memory.data[(far * 4) & 0xffffffff] = 99;
  fx::host_executor cpu;
  const table x(memory.data, {beyond, 4});
  const fx::tensor<std::int64_t, fx::extents<2>> rows({2}, {far, far + 1});
  const auto taken = take_rows(cpu, x, rows);
  for (int c = 0; c < 4; ++c) CHECK(taken[c] == 10 + c);
  const fx::tensor<std::int8_t, fx::extents<2, 4>> values({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  replace_rows(cpu, fx::out(x), x, rows, values);
  for (int c = 0; c < 8; ++c) CHECK(memory.data[far * 4 + c] == 1 + c);
  CHECK(memory.data[(far * 4) & 0xffffffff] == 99);
}

constexpr auto sum_of_rows = fx::compile<"sum_of_rows">([](auto x) { return fx::sum(x, fx::axis<-1>); });
constexpr auto shifted = fx::compile<"shifted">([](auto x) { return x + 1; });
TEST_CASE("strides beyond 2^31") {
  zeros memory{std::size_t(3) << 31};
  for (int r = 0; r < 3; ++r) memory.data[(fx::index(r) << 31) - r] = std::int8_t(r + 1);
  fx::host_executor cpu;
  const strided_bytes x(memory.data, {3, 2}, {(fx::index(1) << 31) - 1, 1});
  const auto y = shifted(cpu, x);
  const auto sums = sum_of_rows(cpu, x);
  for (int r = 0; r < 3; ++r) {
    CHECK(y[2 * r] == r + 2);
    CHECK(y[2 * r + 1] == 1);
    CHECK(sums[r] == r + 1);
  }
  // and stored through them
  shifted(cpu, fx::out(strided_bytes(memory.data + 8, {3, 2}, {(fx::index(1) << 31) - 1, 1})),
          fx::tensor<std::int8_t, fx::extents<3, 2>>({3, 2}, {10, 20, 30, 40, 50, 60}));
  for (int r = 0; r < 3; ++r) CHECK(memory.data[8 + (fx::index(r) << 31) - r + 1] == 20 * (r + 1) + 1);
}

#if !defined(__SANITIZE_ADDRESS__)  // under it, half a minute
constexpr auto counted = fx::compile<"counted">([](auto x) {
  return fx::outputs(fx::sum(fx::cast<fx::dtype::i64>(x), fx::axis<-1>), fx::max(fx::iota_along<-1>(x), fx::axis<-1>));
});
TEST_CASE("a row of more than 2^31 elements") {
  const fx::index n = (fx::index(1) << 31) + 17;
  std::int8_t one = 1;
  fx::host_executor cpu;
  const auto [sum, last] = counted(cpu, strided_bytes(&one, {1, n}, {0, 0}));
  CHECK(sum[0] == n);
  CHECK(last[0] == n - 1);
}
#endif
