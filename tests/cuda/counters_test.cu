// SPDX-License-Identifier: Apache-2.0
// What the kernels of the commonest functions move, counted by the simulated device: every input byte once, whole
// sectors, 16 bytes an access, no bank conflicts, no spills, one launch. The figures are exact and repeat, so they are
// asserted, not reported. A GPU cannot run this test: it has nobody to ask.
#include <doctest/doctest.h>

#include "../sim/runtime/control.hpp"
#include "everyday.hpp"

namespace {

namespace control = sim::control;
using namespace everyday;

template <class T>
std::uint64_t bytes(const T& x) {
  return std::uint64_t(x.size()) * sizeof(typename T::element_type);
}

/// The one launch that a call makes. Inputs are on the device before it, so that nothing else runs.
template <class F, class... T>
control::launch_record launch(const F& function, const T&... host) {
  fx::cuda_executor<> gpu{cudaStream_t{}};
  return [&](const auto&... device) {
    control::reset();
    const auto result = function(gpu, device...);
    gpu.synchronize();
    REQUIRE(control::launch_count() == 1);
    return control::launches().front();
  }(gpu.upload(host)...);
}

/// Lanes of accesses narrower than 16 bytes.
std::uint64_t narrow(const std::array<std::uint64_t, 6>& widths) {
  return widths[0] + widths[1] + widths[2] + widths[3];
}

/// What holds for every kernel here: inputs read and outputs written whole, no wasted sector, 16-byte loads, nothing
/// spilled, shared memory without conflicts.
void check_memory(const control::launch_record& l, std::uint64_t inputs, std::uint64_t outputs) {
  CAPTURE(l.kernel);
  CHECK(l.faults == 0);
  CHECK(l.counts.loads.distinct_bytes == inputs);
  CHECK(l.counts.stores.distinct_bytes == outputs);
  CHECK(l.counts.stores.useful_bytes == outputs);
  CHECK(l.counts.loads.efficiency() == 1.0);
  CHECK(l.counts.stores.efficiency() == 1.0);
  CHECK(narrow(l.counts.load_widths) == 0);
  CHECK(l.counts.bank_conflicts == 0);
  CHECK(l.registers > 0);  // else the figures of ptxas are missing
  CHECK(l.local_loads == 0);
  CHECK(l.local_stores == 0);
  CHECK(l.counts.local_accesses == 0);
}

}  // namespace

TEST_CASE("add + RMSNorm reads its inputs once and the weight once a row") {
  constexpr std::uint64_t rows = 5;
  const auto x = made<tensor<fx::bf16, fx::dyn, 4096>>({rows, 4096}),
             residual = made<tensor<fx::bf16, fx::dyn, 4096>>({rows, 4096});
  const auto weight = made<tensor<fx::bf16, 4096>>({4096});
  const auto l = launch(add_rms_norm, x, residual, weight);
  check_memory(l, 2 * bytes(x) + bytes(weight), 2 * bytes(x));
  CHECK(l.counts.loads.sectors * 32 == 2 * bytes(x) + rows * bytes(weight));
  CHECK(narrow(l.counts.store_widths) == 0);
  CHECK(l.occupancy >= 0.75);
}

TEST_CASE("softmax reads its input once") {
  SUBCASE("rows held in registers") {
    const auto x = made<tensor<float, fx::dyn, 1024>>({5, 1024});
    const auto l = launch(softmax, x);
    check_memory(l, bytes(x), bytes(x));
    CHECK(l.counts.loads.sectors * 32 == bytes(x));
    CHECK(narrow(l.counts.store_widths) == 0);
    CHECK(l.occupancy >= 0.75);
  }
  SUBCASE("rows of a run-time length, held in shared memory") {
    const auto x = made<tensor<float, fx::dyn, fx::dyn>>({5, 3072});
    const auto l = launch(softmax, x);
    check_memory(l, bytes(x), bytes(x));
    CHECK(l.counts.loads.sectors * 32 == bytes(x));
    CHECK(narrow(l.counts.store_widths) == 0);
    CHECK(l.occupancy >= 0.75);
  }
  SUBCASE("bf16") {
    const auto x = made<tensor<fx::bf16, fx::dyn, 2048>>({5, 2048});
    const auto l = launch(softmax, x);
    check_memory(l, bytes(x), bytes(x));
    CHECK(l.counts.loads.sectors * 32 == bytes(x));
    CHECK(narrow(l.counts.store_widths) == 0);
  }
  SUBCASE("rows that start anywhere: one element an access, still once each, one sector more a row at most") {
    const auto x = made<tensor<float, fx::dyn, fx::dyn>>({5, 1001});
    const auto l = launch(softmax, x);
    CHECK(l.counts.loads.distinct_bytes == bytes(x));
    CHECK(l.counts.loads.requested_bytes == bytes(x));
    CHECK(l.counts.stores.requested_bytes == bytes(x));
    // A request of a warp covers 128 bytes: 4 sectors, or 5 where it starts inside one.
    CHECK(l.counts.loads.sectors <= l.counts.loads.requests * 5);
    CHECK(l.counts.bank_conflicts == 0);
    CHECK(l.local_loads + l.local_stores == 0);
  }
}

TEST_CASE("silu * mul reads both inputs once") {
  const auto gate = made<tensor<fx::bf16, fx::dyn, 2048>>({5, 2048}),
             up = made<tensor<fx::bf16, fx::dyn, 2048>>({5, 2048});
  const auto l = launch(silu_mul, gate, up);
  check_memory(l, bytes(gate) + bytes(up), bytes(gate));
  CHECK(l.counts.loads.sectors * 32 == bytes(gate) + bytes(up));
  CHECK(narrow(l.counts.store_widths) == 0);
  CHECK(l.counts.shared_requests == 0);
  CHECK(l.occupancy == 1);
}

TEST_CASE("a matrix times one row streams the weights once") {
  const auto x = made<tensor<fx::bf16, 1, 1024>>({1, 1024});
  const auto weight = made<tensor<fx::bf16, 256, 1024>>({256, 1024});
  const auto l = launch(linear, x, weight);
  check_memory(l, bytes(x) + bytes(weight), 256 * sizeof(fx::bf16));
  // Each warp works on four rows of the weights at a time, and reads the row (from cache) once for them.
  CHECK(l.counts.loads.sectors * 32 == bytes(weight) + 256 / 4 * bytes(x));
}

TEST_CASE("attention of one query a head streams keys and values once") {
  constexpr std::uint64_t heads = 8, keys = 256, size = 64;
  const auto q = made<tensor<fx::bf16, heads, 1, size>>({heads, 1, size});
  const auto k = made<tensor<fx::bf16, heads, fx::dyn, size>>({heads, keys, size}),
             v = made<tensor<fx::bf16, heads, fx::dyn, size>>({heads, keys, size});
  const auto l = launch(attention, q, k, v);
  check_memory(l, bytes(q) + bytes(k) + bytes(v), bytes(q));
  CHECK(l.counts.loads.sectors * 32 == bytes(k) + bytes(v) + keys / 4 * bytes(q));
}

TEST_CASE("attention of grouped heads reads the keys and values of a group from memory once") {
  constexpr std::uint64_t heads = 2, group = 4, keys = 128, size = 64;
  const auto q = made<tensor<fx::bf16, heads, group, 1, size>>({heads, group, 1, size});
  const auto k = made<tensor<fx::bf16, heads, fx::dyn, size>>({heads, keys, size}),
             v = made<tensor<fx::bf16, heads, fx::dyn, size>>({heads, keys, size});
  const auto l = launch(attention, q, k, v);
  check_memory(l, bytes(q) + bytes(k) + bytes(v), bytes(q));
  // Every query head streams them; all but the first find them in cache.
  CHECK(l.counts.loads.sectors * 32 == group * (bytes(k) + bytes(v)) + keys / 4 * bytes(q));
}

TEST_CASE("causal attention of many queries reads its inputs from memory once") {
  constexpr std::uint64_t heads = 4, length = 64, size = 64;
  const auto q = made<tensor<fx::bf16, heads, fx::dyn, size>>({heads, length, size}),
             k = made<tensor<fx::bf16, heads, fx::dyn, size>>({heads, length, size}),
             v = made<tensor<fx::bf16, heads, fx::dyn, size>>({heads, length, size});
  const auto l = launch(causal_attention, q, k, v);
  check_memory(l, bytes(q) + bytes(k) + bytes(v), bytes(q));
  // A block works on one query: it streams the keys and values of its head, mostly from cache.
  CHECK(l.counts.loads.sectors * 32 == length * (bytes(k) + bytes(v)) + length / 4 * bytes(q));
}
