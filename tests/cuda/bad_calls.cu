// SPDX-License-Identifier: Apache-2.0
// Calls that are wrong, on a device: those of the host, and memory that a device cannot reach.
#include "../call/bad_calls_test.cpp"

TEST_CASE("host memory instead of device memory") {
  bench b;
  const auto x = b.input<vector>({5});
  const vector host({5}, {1, 2, 3, 4, 5});
  b.refuse(category::argument, {"fuse::add:", "argument 1", "not device memory", "upload"},
           [&] { add(b.e, fx::out(b.out_vector(5)), x, host); });
  b.refuse(category::argument, {"fuse::add:", "output 0", "not device memory"}, [&] { add(b.e, fx::out(host), x, x); });
  CHECK(host[4] == 5);
  float on_the_stack[5]{};
  b.refuse(category::argument, {"fuse::add:", "argument 0", "not device memory"},
           [&] { add(b.e, fx::out(b.out_vector(5)), fx::view<float, fx::extents<dyn>>(on_the_stack, {5}), x); });
  b.refuse(category::argument, {"fuse::mlp:", "argument 1.bias", "not device memory"}, [&] {
    const auto up = b.input<matrix>({5, 4}), down = b.input<matrix>({4, 5}), rows = b.input<matrix>({2, 4});
    mlp(b.e, fx::out(b.out_matrix(2, 4)), rows, mlp_weights<fx::storage>{up, host, down});
  });
  b.accept([&] { add(b.e, fx::out(b.out_vector(5)), x, x); });
}
TEST_CASE("page-locked host memory instead of device memory") {
  bench b;
  const auto x = b.input<vector>({5});
  void* locked = nullptr;
  REQUIRE(cudaMallocHost(&locked, 64) == cudaSuccess);
  b.refuse(category::argument, {"fuse::add:", "argument 1", "not device memory"}, [&] {
    add(b.e, fx::out(b.out_vector(5)), x, fx::view<float, fx::extents<dyn>>(static_cast<float*>(locked), {5}));
  });
  CHECK(cudaFreeHost(locked) == cudaSuccess);
}
TEST_CASE("managed memory is device memory") {
  bench b;
  void* managed = nullptr;
  REQUIRE(cudaMallocManaged(&managed, 64) == cudaSuccess);
  const fx::view<float, fx::extents<dyn>> x(static_cast<float*>(managed), {5});
  for (int i = 0; i < 5; ++i) x.data()[i] = float(i);
  b.accept([&] { add(b.e, fx::out(b.out_vector(5)), x, x); });
  CHECK(cudaFree(managed) == cudaSuccess);
}
