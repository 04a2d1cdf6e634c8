// SPDX-License-Identifier: Apache-2.0
// CUB: block algorithms run, free of faults and right; every kernel of the device-wide ones decodes.
#include <algorithm>
#include <numeric>

#include "ptx_harness.hpp"

using namespace sim_test;

TEST_CASE("block load, scan, radix sort and reductions") {
  program p("cub");
  constexpr int blocks = 3, n = 512 * blocks;
  std::vector<int> in(n);
  std::mt19937 random(8);
  for (auto& x : in) x = int(random() % 100000);
  const auto scan = p.allocate(n * 4), sorted = p.allocate(n * 4), sum = p.allocate(blocks * 4),
             warps = p.allocate(blocks * 16);
  const auto r = p.run("block_algorithms", {blocks}, {128}, p.upload(in), scan, sorted, sum, warps);
  check_clean(r);
  CHECK(r.counts.loads.efficiency() == 1.0);
  const auto scans = p.download<int>(scan, n);
  const auto keys = p.download<unsigned>(sorted, n);
  for (std::size_t b = 0; b < blocks; ++b) {
    const auto begin = in.begin() + std::ptrdiff_t(b * 512);
    std::vector<int> want(512);
    std::partial_sum(begin, begin + 512, want.begin());
    CHECK(std::equal(want.begin(), want.end(), scans.begin() + std::ptrdiff_t(b * 512)));
    std::vector<unsigned> order(begin, begin + 512);
    std::sort(order.begin(), order.end());
    CHECK(std::equal(order.begin(), order.end(), keys.begin() + std::ptrdiff_t(b * 512)));
    float total = 0;
    for (std::size_t t = 0; t < 128; ++t) total += float(begin[std::ptrdiff_t(t * 4)]);
    CHECK(p.download<float>(sum, blocks)[b] == total);
    for (std::size_t w = 0; w < 4; ++w) {
      int part = 0;
      for (std::size_t l = 0; l < 32; ++l) part += begin[std::ptrdiff_t((w * 32 + l) * 4 + 1)];
      CHECK(p.download<int>(warps, blocks * 4)[b * 4 + w] == part);
    }
  }
}

TEST_CASE("every kernel of the device-wide algorithms decodes") {
  program p("cub");
  CHECK(p.code().kernels().size() > 10);
  for (const auto& k : p.code().kernels()) {
    CAPTURE(k.name);
    CHECK_NOTHROW(p.code().decode(k, p.device()));
  }
}
