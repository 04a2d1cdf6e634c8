// SPDX-License-Identifier: Apache-2.0
// Shuffles, votes, match, redux and barrier reductions against their definitions.
#include <algorithm>

#include "ptx_harness.hpp"

using namespace sim_test;

namespace {
std::vector<int> input(std::size_t count) {
  std::vector<int> v(count);
  for (std::size_t l = 0; l < count; ++l) v[l] = int(l * l % 29);
  return v;
}
}  // namespace

TEST_CASE("shuffles within widths") {
  program p("exchange");
  const auto v = input(32);
  const auto in = p.upload(v), out = p.allocate(6 * 128);
  for (const int width : {32, 16, 8, 4, 2}) {
    CAPTURE(width);
    check_clean(p.run("shuffles", {1}, {32}, in, out, width));
    const auto got = p.download<int>(out, 192);
    for (int l = 0; l < 32; ++l) {
      CAPTURE(l);
      const int base = l / width * width, at = l % width;
      const auto value = [&](int k) { return v[std::size_t(base + k)]; };
      CHECK(got[std::size_t(l)] == value(5 % width));
      CHECK(got[std::size_t(32 + l)] == value((l * 3 + 1) % width));
      CHECK(got[std::size_t(64 + l)] == (at >= 3 ? value(at - 3) : v[std::size_t(l)]));
      CHECK(got[std::size_t(96 + l)] == (at + 2 < width ? value(at + 2) : v[std::size_t(l)]));
      CHECK(got[std::size_t(128 + l)] == value(at ^ 1));
      CHECK(got[std::size_t(160 + l)] == 2 * v[std::size_t(l ^ 3)]);
    }
  }
}

TEST_CASE("votes, match and redux, by the whole warp and by a third of it") {
  program p("exchange");
  const auto v = input(32);
  const auto in = p.upload(v), out = p.allocate(18 * 128);
  p.device().fill(out, 0, 18 * 128);
  check_clean(p.run("votes", {1}, {32}, in, out));
  const auto got = p.download<int>(out, 18 * 32);
  unsigned odd = 0, bits_xor = 0, bits_and = ~0u, odd_third = 0;
  int sum = 0, least = 1000, third = 0;
  unsigned most = 0;
  for (int l = 0; l < 32; ++l) {
    const int x = v[std::size_t(l)];
    odd |= unsigned(x & 1) << l;
    sum += x;
    least = std::min(least, x - 10);
    most = std::max(most, unsigned(x - 10));
    bits_xor ^= unsigned(x);
    bits_and &= unsigned(x | 64);
    if (l % 3 == 0) third += x, odd_third |= unsigned(x & 1) << l;
  }
  for (int l = 0; l < 32; ++l) {
    CAPTURE(l);
    int line = 0;
    const auto next = [&] { return got[std::size_t(32 * line++ + l)]; };
    CHECK(unsigned(next()) == odd);
    CHECK(next() == int(std::count(v.begin(), v.end(), 3) > 0));
    CHECK(next() == 1);
    CHECK(next() == 1);
    unsigned same = 0;
    for (int k = 0; k < 32; ++k) same |= unsigned((v[std::size_t(k)] & 7) == (v[std::size_t(l)] & 7)) << k;
    CHECK(unsigned(next()) == same);
    CHECK(next() == 0);
    CHECK(next() == 0);
    CHECK(unsigned(next()) == ~0u);
    CHECK(next() == 1);
    CHECK(next() == sum);
    CHECK(next() == least);
    CHECK(unsigned(next()) == most);
    CHECK(unsigned(next()) == bits_xor);
    CHECK(unsigned(next()) == bits_and);
    if (l % 3 != 0) continue;
    CHECK(unsigned(next()) == odd_third);
    CHECK(next() == third);
    CHECK(next() == v[6]);
    CHECK(unsigned(next()) == 0x49249249u);
  }
}

TEST_CASE("reductions at a block barrier") {
  program p("exchange");
  auto v = input(96);
  const auto out = p.allocate(3 * 96 * 4);
  const int odd = int(std::count_if(v.begin(), v.end(), [](int x) { return x % 2 == 1; }));
  check_clean(p.run("block_votes", {1}, {96}, p.upload(v), out));
  auto got = p.download<int>(out, 3 * 96);
  CHECK(got[17] == odd);
  CHECK(got[96 + 50] == 1);
  CHECK(got[192 + 95] == 0);
  v[40] = -1;
  v[41] = 77;
  check_clean(p.run("block_votes", {1}, {96}, p.upload(v), out));
  got = p.download<int>(out, 3 * 96);
  CHECK(got[96 + 3] == 0);
  CHECK(got[192 + 3] != 0);
}

TEST_CASE("one of the lanes is elected, and all know which") {
  program p("exchange");
  for (const int first : {0, 7, 31}) {
    const auto out = p.upload(std::vector<unsigned>(32, 99));
    check_clean(p.run("elects", {1}, {32}, out, first));
    const auto got = p.download<unsigned>(out, 32);
    const unsigned leader = got[31] >> 1;
    CHECK(leader >= unsigned(first));
    CHECK(leader < 32);
    for (unsigned l = 0; l < 32; ++l) CHECK(got[l] == (int(l) < first ? 99 : leader << 1 | unsigned(l == leader)));
  }
}
