// SPDX-License-Identifier: Apache-2.0
// Offsets and strides beyond 32 bits: kernels read and write at both ends of more than 4 GiB of device memory. Only the
// bytes that they may touch are ever written, so a wrong offset reads uninitialised or foreign memory.
#include <doctest/doctest.h>

#include <fuse/fuse.hpp>

namespace fx = fuse;
namespace {

constexpr fx::index dyn = fx::dyn, beyond = (fx::index(1) << 32) + 4096;
using executor = fx::cuda_executor<>;
template <class T, fx::index... E>
using tensor = fx::tensor<T, fx::extents<E...>>;

/// Device memory of which single bytes are set.
struct space {
  executor& e;
  fx::buffer memory;
  explicit space(executor& used) : e(used), memory(used.allocate(std::size_t(beyond))) {}
  std::int8_t* data() const { return static_cast<std::int8_t*>(memory.data()); }
  void set(fx::index at, std::initializer_list<std::int8_t> values) const {
    for (std::int8_t v : values)
      fx::cuda::check(cudaMemcpy(data() + at++, &v, 1, cudaMemcpyHostToDevice), "cudaMemcpy");
  }
  int get(fx::index at) const {
    std::int8_t v = 0;
    e.synchronize();
    fx::cuda::check(cudaMemcpy(&v, data() + at, 1, cudaMemcpyDeviceToHost), "cudaMemcpy");
    return v;
  }
};

constexpr auto ends = fx::compile<"ends">([](auto x) {
  return fx::outputs(fx::slice<0, -3>(x) + 0, fx::slice<0, 0, 2>(fx::flip<0>(x)) * 2,
                     fx::slice<0, 4294967296, 4294967299>(x) + 0);
});
constexpr auto take_rows = fx::compile<"take_rows">([](auto x, auto i) { return fx::take(x, i); });
constexpr auto replace_rows =
    fx::compile<"replace_rows">([](auto x, auto i, auto v) { return fx::scatter<0>(x, i, v); });
constexpr auto sum_of_rows = fx::compile<"sum_of_rows">([](auto x) { return fx::sum(x, fx::axis<-1>); });
constexpr auto shifted = fx::compile<"shifted">([](auto x) { return x + 1; });

void check_slices(executor& e, const space& memory) {
  memory.set(beyond - 3, {3, 2, 1});
  memory.set(fx::index(1) << 32, {7, 8, 9});
  const auto [last, flipped, middle] = ends(e, fx::view<std::int8_t, fx::extents<dyn>>(memory.data(), {beyond}));
  const auto a = e.download(last), c = e.download(middle);
  const auto b = e.download(flipped);
  for (int i = 0; i < 3; ++i) {
    CHECK(a[i] == 3 - i);
    CHECK(c[i] == 7 + i);
  }
  CHECK(b[0] == 2);
  CHECK(b[1] == 4);
}
void check_gather_and_scatter(executor& e, const space& memory) {
  const fx::index far = beyond / 4 - 5;
  memory.set(far * 4, {10, 11, 12, 13, 14, 15, 16, 17});
  const fx::view<std::int8_t, fx::extents<dyn, 4>> x(memory.data(), {beyond / 4, 4});
  const auto rows = e.upload(tensor<std::int64_t, 2>({2}, {far, far + 1}));
  const auto taken = e.download(take_rows(e, x, rows));
  for (int i = 0; i < 8; ++i) CHECK(taken[i] == 10 + i);
  const auto values = e.upload(tensor<std::int8_t, 2, 4>({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8}));
  replace_rows(e, fx::out(x), x, rows, values);
  for (int i = 0; i < 8; ++i) CHECK(memory.get(far * 4 + i) == 1 + i);
}
void check_strides(executor& e, const space& memory) {
  constexpr fx::index step = (fx::index(1) << 31) + 16;
  using rows = fx::view<std::int8_t, fx::extents<dyn, 2>, fx::strided>;
  memory.set(0, {1, 2});
  memory.set(step, {3, 4});
  const rows x(memory.data(), {2, 2}, {step, 1});
  const auto y = e.download(shifted(e, x));
  const auto sums = e.download(sum_of_rows(e, x));
  for (int i = 0; i < 4; ++i) CHECK(y[i] == i + 2);
  CHECK(sums[0] == 3);
  CHECK(sums[1] == 7);
  const auto source = e.upload(tensor<std::int8_t, dyn, 2>({2, 2}, {1, 2, 3, 4}));
  shifted(e, fx::out(rows(memory.data() + 8, {2, 2}, {step, 1})), source);
  for (int i = 0; i < 4; ++i) CHECK(memory.get(8 + step * (i / 2) + i % 2) == i + 2);
}

}  // namespace

TEST_CASE("offsets and strides beyond 32 bits") {
  executor e{cudaStream_t{}};
  const space memory(e);
  check_slices(e, memory);
  check_gather_and_scatter(e, memory);
  check_strides(e, memory);
}
