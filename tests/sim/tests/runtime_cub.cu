// SPDX-License-Identifier: Apache-2.0
// CUB's device-wide algorithms through the runtime: their launches, occupancy queries and temporary storage.
#include <algorithm>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include <cub/device/device_radix_sort.cuh>
#include <cub/device/device_reduce.cuh>
#include <cub/device/device_scan.cuh>
#include <cub/device/device_select.cuh>

#include "runtime_support.cuh"

using support::device_array;
using support::stream;

namespace {

// Runs an algorithm of CUB twice, as its interface wants: for the size of its storage, then for the result.
template <class Algorithm>
void run(Algorithm algorithm) {
  std::size_t bytes = 0;
  OK(algorithm(nullptr, bytes));
  const device_array<unsigned char> storage(bytes);
  OK(algorithm(storage.data, bytes));
  OK(cudaDeviceSynchronize());
}

std::vector<int> random_values(std::size_t n, int below) {
  std::mt19937 generator(7);
  std::uniform_int_distribution<int> draw(0, below - 1);
  std::vector<int> values(n);
  for (auto& value : values) value = draw(generator);
  return values;
}

constexpr std::size_t n = 20000;

struct is_even {
  __host__ __device__ bool operator()(int value) const { return value % 2 == 0; }
};

}  // namespace

TEST_CASE("DeviceReduce sums and finds the greatest") {
  const auto values = random_values(n, 1000);
  const device_array<int> in(values), out(1);
  run([&](void* storage, std::size_t& bytes) {
    return cub::DeviceReduce::Sum(storage, bytes, in.data, out.data, static_cast<int>(n));
  });
  CHECK(out.host()[0] == std::accumulate(values.begin(), values.end(), 0));
  run([&](void* storage, std::size_t& bytes) {
    return cub::DeviceReduce::Max(storage, bytes, in.data, out.data, static_cast<int>(n));
  });
  CHECK(out.host()[0] == *std::max_element(values.begin(), values.end()));
}

TEST_CASE("DeviceScan sums prefixes") {
  const auto values = random_values(n, 1000);
  const device_array<int> in(values), out(n);
  run([&](void* storage, std::size_t& bytes) {
    return cub::DeviceScan::InclusiveSum(storage, bytes, in.data, out.data, static_cast<int>(n));
  });
  std::vector<int> expected(n);
  std::partial_sum(values.begin(), values.end(), expected.begin());
  CHECK(out.host() == expected);
}

TEST_CASE("DeviceRadixSort sorts keys, and pairs by their keys") {
  const auto keys = random_values(n, 1 << 20);
  std::vector<int> order(n);
  std::iota(order.begin(), order.end(), 0);
  const device_array<int> keys_in(keys), keys_out(n), values_in(order), values_out(n);
  run([&](void* storage, std::size_t& bytes) {
    return cub::DeviceRadixSort::SortPairs(storage, bytes, keys_in.data, keys_out.data, values_in.data, values_out.data,
                                           static_cast<int>(n));
  });
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return keys[a] < keys[b]; });
  CHECK(values_out.host() == order);
  auto sorted = keys;
  std::sort(sorted.begin(), sorted.end());
  CHECK(keys_out.host() == sorted);
}

TEST_CASE("DeviceSelect keeps what a predicate chooses, in order") {
  const auto values = random_values(n, 1000);
  const device_array<int> in(values), out(n), count(1);
  OK(cudaMemset(out.data, 0, n * sizeof(int)));
  run([&](void* storage, std::size_t& bytes) {
    return cub::DeviceSelect::If(storage, bytes, in.data, out.data, count.data, static_cast<int>(n), is_even{});
  });
  std::vector<int> expected;
  std::copy_if(values.begin(), values.end(), std::back_inserter(expected), is_even{});
  REQUIRE(count.host()[0] == static_cast<int>(expected.size()));
  auto kept = out.host();
  kept.resize(expected.size());
  CHECK(kept == expected);
}
