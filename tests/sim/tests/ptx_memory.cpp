// SPDX-License-Identifier: Apache-2.0
// Loads and stores of every width and space, atomics, variables; and the device's memory itself.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <csignal>
#include <numeric>

#include "ptx_harness.hpp"

using namespace sim_test;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

namespace {
template <class T>
void check_copy(program& p, const char* kernel, int n) {
  std::vector<std::uint8_t> bytes(sizeof(T) * std::size_t(n));
  std::mt19937 random(9);
  for (auto& b : bytes) b = std::uint8_t(random());
  const auto in = p.upload(bytes), out = p.allocate(bytes.size());
  const auto r = p.run(kernel, {unsigned(n + 127) / 128}, {128}, in, out, n);
  check_clean(r);
  CHECK(p.download<std::uint8_t>(out, bytes.size()) == bytes);
  std::array<u64, 6> widths{};
  widths[std::size_t(std::countr_zero(sizeof(T)))] = u64(n);
  CHECK(r.counts.load_widths == widths);
  CHECK(r.counts.store_widths == widths);
  CHECK(r.counts.loads.distinct_bytes == bytes.size());
  CHECK(r.written == std::vector<sim::range>{{out, out + bytes.size()}});
}
}  // namespace

TEST_CASE("copies of every width") {
  program p("memory");
  check_copy<std::int8_t>(p, "copy1", 1000);
  check_copy<std::int16_t>(p, "copy2", 1000);
  check_copy<u32>(p, "copy4", 1000);
  check_copy<u64>(p, "copy8", 1000);
  check_copy<std::array<int, 4>>(p, "copy16", 1000);
}

TEST_CASE("narrow loads extend and narrow stores cut") {
  program p("memory");
  std::vector<std::int8_t> bytes(32);
  std::vector<std::uint16_t> shorts(32);
  for (int i = 0; i < 32; ++i)
    bytes[std::size_t(i)] = std::int8_t(i * 37), shorts[std::size_t(i)] = std::uint16_t(i * 4099);
  const auto out = p.allocate(96 * 8), cut = p.allocate(32);
  check_clean(p.run("extend", {1}, {32}, p.upload(bytes), p.upload(shorts), out, cut));
  const auto got = p.download<std::int64_t>(out, 96);
  for (std::size_t i = 0; i < 32; ++i) {
    CHECK(got[i] == bytes[i]);
    CHECK(got[32 + i] == shorts[i]);
    CHECK(got[64 + i] == bytes[i]);
  }
  CHECK(p.download<std::int8_t>(cut, 32) == bytes);
}

TEST_CASE("generic pointers reach all spaces, lanes apart") {
  program p("memory");
  std::vector<int> global(32);
  std::iota(global.begin(), global.end(), 1);
  const auto out = p.allocate(256);
  check_clean(p.run("generic", {1}, {32}, p.upload(global), out));
  const auto got = p.download<int>(out, 64);
  for (int t = 0; t < 32; ++t) {
    const int k = t & 3, want[] = {k + 1, k + 100, k + 201};
    CHECK(got[std::size_t(t)] == want[t % 3]);
    CHECK(got[std::size_t(32 + t)] == 1 << (t % 3));
  }
}

TEST_CASE("constants, device variables with addresses in them, and parameters indexed by lanes") {
  program p("memory");
  struct settings {
    float scale[6];
    int index;
  };
  const settings s{{1, 2, 3, 4, 5, 6}, 10};
  const auto out = p.allocate(128);
  for (int round = 0; round < 2; ++round) {
    check_clean(p.run("variables", {1}, {32}, out, s, 2));
    const auto got = p.download<float>(out, 32);
    for (int t = 0; t < 32; ++t)
      CHECK(got[std::size_t(t)] == float(t % 8 + 1) * s.scale[(t + 2) % 6] + float(5 + round) + 10);
  }
  int counter = 0;
  p.device().read(&counter, p.code().symbol("counter", p.device()), 4);
  CHECK(counter == 7);
  CHECK_THROWS_AS(p.code().symbol("nobody", p.device()), sim::error);
}

TEST_CASE("atomics") {
  program p("memory");
  constexpr int n = 300;
  const auto i = p.upload(std::vector<int>{0, 0, 5, 5, -1, 0, 0, 0, 1}), u = p.upload(std::vector<u32>{0, 0, 0, 0});
  const auto l = p.upload(std::vector<u64>{1, 5000}), f = p.upload(std::vector<float>{0}),
             d = p.upload(std::vector<double>{0});
  const auto old = p.allocate(n * 4);
  const auto r = p.run("atomics", {3}, {100}, i, u, l, f, d, old);
  check_clean(r);
  int ors = 0, xors = 0;
  u32 increments = 0, decrements = 0, chain = 1;
  for (int t = 0; t < n; ++t) {
    ors |= 1 << (t % 7);
    xors ^= t;
    increments = increments >= 9 ? 0 : increments + 1;
    decrements = decrements == 0 || decrements > 4 ? 4 : decrements - 1;
    chain = chain * 3 + 1;
  }
  CHECK(p.download<int>(i, 9) == std::vector<int>{n, -2 * n, -(n - 1), n - 1, 0, ors, xors, 77, int(chain)});
  CHECK(p.download<u32>(u, 4) == std::vector<u32>{increments, decrements, 0xf0000000u, 3 * 99 * 50});
  CHECK(p.download<u64>(l, 2) == std::vector<u64>{1 + (u64{n} << 40), 1000 - (n - 1)});
  CHECK(p.download<float>(f, 1)[0] == 75);
  CHECK(p.download<double>(d, 1)[0] == 37.5);
  auto olds = p.download<int>(old, n);
  std::sort(olds.begin(), olds.end());
  for (int t = 0; t < n; ++t) CHECK(olds[std::size_t(t)] == t);
}

TEST_CASE("packed, vector and 16-bit atomics") {
  program p("memory");
  const auto h = p.upload(std::vector<std::uint16_t>{0, 0}), b = p.upload(std::vector<std::uint16_t>{0, 0});
  const auto v = p.upload(std::vector<float>(4)), s = p.upload(std::vector<std::uint16_t>{1, 2, 3});
  check_clean(p.run("packed_atomics", {2}, {32}, h, b, v, s));
  CHECK(p.download<std::uint16_t>(h, 2) == std::vector<std::uint16_t>{0x5400, 0x5000});  // 64, 32
  CHECK(p.download<std::uint16_t>(b, 2) == std::vector<std::uint16_t>{0x4300, 0xc280});  // 128, -64
  CHECK(p.download<float>(v, 4) == std::vector<float>{64, 128, 192, 256});
  CHECK(p.download<std::uint16_t>(s, 3) == std::vector<std::uint16_t>{1, 2 + 64 * 3, 3});
}

TEST_CASE("reductions without a result") {
  program p("memory");
  constexpr int n = 200;
  const auto u = p.upload(std::vector<u32>{0, 0, 0, 0, 2000, 0, ~0u, 0, 0, 0, 0}),
             l = p.upload(std::vector<u64>{0, 0, 0, ~u64{0}, 0, ~u64{0}, 0, 0}), f = p.upload(std::vector<float>(8)),
             d = p.upload(std::vector<double>(1)), h = p.upload(std::vector<u32>(4));
  const auto r = p.run("reductions", {2}, {100}, u, l, f, d, h);
  check_clean(r);
  CHECK(r.counts.atomics == n * 27);
  u32 flips = 0, up = 0, down = 0;
  for (u32 t = 0; t < n; ++t) {
    flips ^= t;
    up = up >= 6 ? 0 : up + 1;
    down = down == 0 || down > 6 ? 6 : down - 1;
  }
  const u32 sum = n * (n - 1) / 2;
  CHECK(p.download<u32>(u, 11) ==
        std::vector<u32>{sum, 0u - sum, u32(5 - (n - 1)), 5, 1000 - (n - 1), n - 1, ~31u, 31, flips, up, down});
  CHECK(p.download<u64>(l, 8) == std::vector<u64>{u64{sum} << 33, u64(-(n - 1) * 5000000000ll),
                                                  u64((n - 1) * 5000000000ll), ~u64{0} - (n - 1), u64{n - 1} << 40,
                                                  ~(u64{31} << 32), u64{31} << 32, u64{flips} << 32});
  CHECK(p.download<float>(f, 8) == std::vector<float>{100, 0, n, 2 * n, n, 2 * n, n, 2 * n});
  CHECK(p.download<double>(d, 1)[0] == 50);
  // 200 and 100 in both formats; only the low halves of the last two.
  CHECK(p.download<u32>(h, 4) == std::vector<u32>{0x56405a40u, 0x42c84348u, 0x5a40u, 0x4348u});
}

TEST_CASE("minima and maxima of packed halves") {
  program p("memory");
  std::vector<u32> values;
  for (u32 t = 0; t < 32; ++t) values.push_back((0x3c00 + t * 7 % 32) | (0xbc00 + t * 11 % 32) << 16);
  const auto h = p.upload(std::vector<u32>{values[4], values[4], values[9], values[9]});
  check_clean(p.run("half_extrema", {1}, {32}, h, p.upload(values)));
  // Of negative numbers the one with the larger bits is the smaller.
  CHECK(p.download<u32>(h, 4) == std::vector<u32>{0xbc1f3c00u, 0xbc1f3c00u, 0xbc003c1fu, 0xbc003c1fu});
}

TEST_CASE("sums of f32 in global memory flush subnormals, those in shared memory do not") {
  program p("memory");
  const float least = std::bit_cast<float>(1u), below = std::bit_cast<float>(0x807fffffu);
  const auto sums = p.upload(std::vector<float>{least, least, 7, 7}), old = p.allocate(16);
  check_clean(p.run("small_sums", {1}, {32}, sums, old));
  const auto got = p.download<float>(sums, 4);
  CHECK(std::bit_cast<u32>(got[0]) == 0u);
  CHECK(std::bit_cast<u32>(got[1]) == 0u);  // +0 + -0
  CHECK(got[2] == least + least);
  CHECK(got[3] == least + below);
  CHECK(p.download<float>(old, 4) == std::vector<float>(4, least));
}

TEST_CASE("atomics of 128 bits") {
  program p("memory");
  constexpr u64 n = 64;
  const auto place = p.upload(std::vector<u64>{0, 0, 10, 10}), old = p.allocate(n * 16);
  check_clean(p.run("wide_atomics", {2}, {32}, place, old));
  const auto got = p.download<u64>(place, 4);
  CHECK(got[2] == 10 + n);
  CHECK(got[3] == 10 - n);
  // Every value but the last was seen by somebody, whole.
  auto seen = p.download<u64>(old, 2 * n);
  std::vector<u64> first;
  for (std::size_t k = 0; k < n; ++k) {
    first.push_back(seen[2 * k]);
    CHECK(seen[2 * k + 1] == (seen[2 * k] == 0 ? 0 : ~(seen[2 * k] - 1)));
  }
  first.push_back(got[0]);
  std::sort(first.begin(), first.end());
  for (u64 k = 0; k <= n; ++k) CHECK(first[std::size_t(k)] == k);
}

TEST_CASE("loads, stores and fences of every order and scope") {
  program p("memory");
  const auto x = p.upload(std::vector<u32>(8)), out = p.allocate(32);
  check_clean(p.run("orders", {1}, {1}, x, out));
  CHECK(p.download<u32>(out, 8) == std::vector<u32>{100, 101, 102, 103, 104, 105, 106, 107});
}

TEST_CASE("host memory, once mapped, is read and written in place") {
  program p("memory");
  std::vector<u32> in(64, 3), out(64);
  const auto address = [](const std::vector<u32>& v) { return reinterpret_cast<u64>(v.data()); };
  CHECK(p.run("copy4", {1}, {64}, address(in), address(out), 64).faults.size() == 2);
  p.device().map_host(in.data(), 256);
  p.device().map_host(out.data(), 256);
  check_clean(p.run("copy4", {1}, {64}, address(in), address(out), 64));
  CHECK(out == in);
  CHECK_THROWS_AS(p.device().map_host(out.data() + 3, 4), sim::error);
  p.device().unmap_host(in.data());
  CHECK_THROWS_AS(p.device().unmap_host(in.data()), sim::error);
}

TEST_CASE("allocations have bounds, a limit, and addresses that the host cannot touch") {
  sim::memory m(1000);
  const auto a = m.allocate(600, 512);
  CHECK(a % 512 == 0);
  CHECK_THROWS_AS(m.allocate(500), sim::memory::out_of_memory);
  const auto b = m.allocate(400);
  CHECK(b >= a + 600 + 1);
  CHECK(m.used() == 1000);
  CHECK(m.live() == 2);
  CHECK_THROWS_AS(m.at(a, 601), sim::error);
  CHECK_THROWS_AS(m.at(a + 600, 1), sim::error);
  CHECK_THROWS_AS(m.free(a + 8), sim::error);
  CHECK(m.find(a + 599)->address == a);
  CHECK(m.find(a + 600) == nullptr);
  m.free(a);
  CHECK_THROWS_AS(m.free(a), sim::error);
  CHECK_THROWS_AS(m.at(a, 1), sim::error);
  const auto c = m.allocate(600);
  CHECK(c != a);  // a late use of `a` finds nothing
  CHECK_FALSE(m.is_written(c, 1));
  m.fill(c + 10, 7, 20);
  CHECK(m.is_written(c + 10, 20));
  CHECK_FALSE(m.is_written(c + 9, 2));
  CHECK_THROWS_AS(m.allocate(8, 3), sim::error);
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGSEGV, SIG_DFL);
    *reinterpret_cast<volatile char*>(c) = 1;
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WIFSIGNALED(status));
}
