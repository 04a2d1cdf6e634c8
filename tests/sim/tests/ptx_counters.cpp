// SPDX-License-Identifier: Apache-2.0
// The counters on kernels whose traffic is known beforehand.
#include <thread>

#include "ptx_harness.hpp"

using namespace sim_test;
using sim::instruction_kind;

TEST_CASE("a coalesced copy moves each sector once") {
  program p("memory");
  const auto in = p.upload(std::vector<int>(1024, 1)), out = p.allocate(4096);
  const auto r = p.run("copy4", {8}, {128}, in, out, 1024);
  check_clean(r);
  CHECK(r.counts.loads.requests == 32);
  CHECK(r.counts.loads.sectors == 128);
  CHECK(r.counts.loads.requested_bytes == 4096);
  CHECK(r.counts.loads.efficiency() == 1.0);
  CHECK(r.counts.loads.distinct_bytes == 4096);
  CHECK(r.counts.stores.sectors == 128);
  CHECK(r.counts.allocations.at(in).read == 4096);
  CHECK(r.counts.allocations.at(in).written == 0);
  CHECK(r.counts.allocations.at(out).written == 4096);
  CHECK(r.counts.warps(instruction_kind::memory) * 32 == r.counts.threads(instruction_kind::memory));
}

TEST_CASE("strides waste sectors") {
  program p("memory");
  const auto in = p.upload(std::vector<int>(32 * 16, 1)), out = p.allocate(4096);
  const auto two = p.run("strided", {1}, {32}, in, out, 2);
  CHECK(two.counts.loads.sectors == 8);
  CHECK(two.counts.loads.efficiency() == 0.5);
  const auto eight = p.run("strided", {1}, {32}, in, out, 8);
  CHECK(eight.counts.loads.sectors == 32);
  CHECK(eight.counts.loads.efficiency() == 0.125);
  CHECK(eight.counts.loads.distinct_bytes == 128);
  CHECK(p.run("strided", {1}, {32}, in, out, 16).counts.loads.sectors == 32);
}

TEST_CASE("a request that straddles sectors takes one more") {
  program p("memory");
  const auto in = p.upload(std::vector<int>(64, 1)), out = p.allocate(4096);
  CHECK(p.run("offset", {1}, {32}, in, out, 8).counts.loads.sectors == 4);
  CHECK(p.run("offset", {1}, {32}, in, out, 1).counts.loads.sectors == 5);
}

TEST_CASE("a broadcast is one sector, and its bytes are distinct once") {
  program p("memory");
  const auto in = p.upload(std::vector<int>(4, 1)), out = p.allocate(4096);
  sim::launch how;
  how.grid = {4};
  how.block = {32};
  how.which = sim::without(sim::checks::all, sim::checks::global_races);
  const auto r = p.run("broadcast", how, in, out);
  CHECK(r.counts.loads.sectors == 4);
  CHECK(r.counts.loads.useful_bytes == 16);
  CHECK(r.counts.loads.requested_bytes == 4 * 128);
  CHECK(r.counts.loads.distinct_bytes == 16);
}

TEST_CASE("bank conflicts") {
  program p("memory");
  const auto out = p.allocate(4096);
  const auto conflicts = [&](const char* kernel, int stride) {
    const auto r = p.run(kernel, {1}, {32}, out, stride);
    check_clean(r);
    return r.counts.bank_conflicts;
  };
  CHECK(conflicts("banks", 1) == 0);
  CHECK(conflicts("banks", 33) == 0);
  CHECK(conflicts("banks", 0) == 0);  // one word for all
  CHECK(conflicts("banks", 2) == 1);
  CHECK(conflicts("banks", 4) == 3);
  CHECK(conflicts("banks", 32) == 31);
  CHECK(conflicts("wide_banks", 1) == 0);
  CHECK(conflicts("wide_banks", 2) == 4);  // each quarter of the warp takes two wavefronts
}

TEST_CASE("a row kernel reads its input once, without conflicts, and its counts are the same in every run") {
  program p("throughput");
  constexpr int rows = 24, n = 1000;
  std::vector<float> x(rows * n);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = float(i % 97) * 0.1f;
  const auto in = p.upload(x), out = p.allocate(x.size() * 4);
  sim::launch how;
  how.grid = {rows};
  how.block = {128};
  how.dynamic_shared_bytes = n * 4;
  const auto first = p.run("softmax", how, in, out, n);
  check_clean(first);
  CHECK(first.counts.loads.distinct_bytes == x.size() * 4);
  CHECK(first.counts.loads.sectors == x.size() / 8);
  CHECK(first.counts.loads.efficiency() == 1.0);
  CHECK(first.counts.bank_conflicts == 0);
  CHECK(first.counts.barriers == rows * 4 * 3);
  CHECK(first.counts.threads(instruction_kind::special) == x.size());
  CHECK(first.counts.threads(instruction_kind::exchange) == rows * 128 * 10);
  CHECK(first.counts.local_accesses == 0);
  for (const unsigned threads : {1u, 2u, 3u}) {
    how.threads = threads;
    const auto again = p.run("softmax", how, in, out, n);
    CHECK(again.counts.thread_instructions == first.counts.thread_instructions);
    CHECK(again.counts.warp_instructions == first.counts.warp_instructions);
    CHECK(again.counts.loads.sectors == first.counts.loads.sectors);
    CHECK(again.counts.shared_requests == first.counts.shared_requests);
    CHECK(again.read == first.read);
  }
}

TEST_CASE("blocks that wait for each other are counted the same in every run") {
  program p("faults");
  std::uint64_t first = 0;
  for (int round = 0; round < 3; ++round) {
    const auto value = p.allocate(400), flag = p.upload(std::vector<int>(100));
    const auto r = p.run("chain", {100}, {32}, value, flag, 1);
    if (round == 0) first = r.counts.thread_total();
    CHECK(r.counts.thread_total() == first);
  }
}

TEST_CASE("launches may run at the same time") {
  program p("memory");
  const auto in = p.upload(std::vector<int>(4096, 2));
  std::vector<std::uint64_t> outs;
  for (int k = 0; k < 4; ++k) outs.push_back(p.allocate(4096 * 4));
  std::vector<std::thread> threads;
  std::vector<std::size_t> faults(4);
  for (std::size_t k = 0; k < 4; ++k)
    threads.emplace_back([&, k] { faults[k] = p.run("copy4", {32}, {128}, in, outs[k], 4096).faults.size(); });
  for (auto& t : threads) t.join();
  for (std::size_t k = 0; k < 4; ++k) {
    CHECK(faults[k] == 0);
    CHECK(p.download<int>(outs[k], 4096) == std::vector<int>(4096, 2));
  }
}
