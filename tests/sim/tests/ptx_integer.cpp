// SPDX-License-Identifier: Apache-2.0
#include <bit>

#include "ptx_harness.hpp"

using namespace sim_test;
using u32 = std::uint32_t;
using s32 = std::int32_t;
using u64 = std::uint64_t;
using s64 = std::int64_t;
using s16 = std::int16_t;
using u16 = std::uint16_t;

namespace {

s32 clamp(s64 x) { return s32(std::min<s64>(std::max<s64>(x, INT32_MIN), INT32_MAX)); }

u32 reversed(u32 x) {
  u32 r = 0;
  for (int k = 0; k < 32; ++k) r = r << 1 | (x >> k & 1);
  return r;
}

// Bit by bit, as the PTX manual defines it.
template <class T>
T extract(T a, u32 position, u32 length, bool is_signed) {
  const u32 top = sizeof(T) * 8 - 1;
  const u32 pos = position & 0xff, len = length & 0xff;
  const bool sign = is_signed && len != 0 && (a >> std::min(pos + len - 1, top) & 1) != 0;
  T d = 0;
  for (u32 i = 0; i <= top; ++i) {
    const bool bit = i < len && pos + i <= top ? (a >> (pos + i) & 1) != 0 : sign;
    d |= T(bit) << i;
  }
  return d;
}

u32 permuted(u32 a, u32 b, u32 c) {
  const u64 bytes = u64{b} << 32 | a;
  u32 r = 0;
  for (int k = 0; k < 4; ++k) {
    const u32 s = c >> (4 * k) & 15;
    u32 byte = u32(bytes >> (8 * (s % 8))) & 255;
    if (s >= 8) byte = byte >= 128 ? 255 : 0;
    r += byte << (8 * k);
  }
  return r;
}

std::vector<u32> expected(u32 a, u32 b, u32 c) {
  const s32 sa = s32(a), sb = s32(b), sc = s32(c);
  std::vector<u32> v;
  v.push_back(a + b);
  v.push_back(a - b);
  v.push_back(a * b);
  v.push_back(u32(u64{a} * b >> 32));
  v.push_back(u32(u64(s64{sa} * sb) >> 32));
  v.push_back(b == 0 ? 7 : a / b);
  v.push_back(b == 0 ? 7 : a % b);
  v.push_back(b == 0 || sb == -1 ? 7 : u32(sa / sb));
  v.push_back(b == 0 || sb == -1 ? 7 : u32(sa % sb));
  v.push_back(u32(sa < sb ? sa : sb));
  v.push_back(a > b ? a : b);
  v.push_back(sa < 0 ? 0 - a : a);
  u32 ones = 0;
  for (int k = 0; k < 32; ++k) ones += a >> k & 1;
  v.push_back(ones);
  u32 zeros = 0;
  while (zeros < 32 && (a >> (31 - zeros) & 1) == 0) ++zeros;
  v.push_back(zeros);
  v.push_back(reversed(a));
  v.push_back(u32(u64(s64{sa} * sb) >> 32) + c);
  v.push_back(a * b + c);
  v.push_back(u32(s64{sc} + std::abs(s64{sa} - s64{sb})));
  v.push_back(extract(a, b, c, false));
  v.push_back(extract(a, b, c, true));
  {
    u32 d = b;
    for (u32 k = 0; k < 7 && (c & 31) + k < 32; ++k) {
      const u32 bit = u32{1} << ((c & 31) + k);
      d = (a >> k & 1) != 0 ? d | bit : d & ~bit;
    }
    v.push_back(d);
  }
  const u64 both = u64{b} << 32 | a;
  const u32 wrap = c & 31, clamped = std::min<u32>(c, 32);
  v.push_back(u32((both << wrap) >> 32));
  v.push_back(clamped == 32 ? a : u32((both << clamped) >> 32));
  v.push_back(u32(both >> wrap));
  v.push_back(u32(both >> clamped));
  v.push_back((a & b) | (~a & c));
  v.push_back((a & b) | (a & c) | (b & c));
  v.push_back(permuted(a, b, c));
  v.push_back(u32(both >> (8 * (c & 3))));
  v.push_back((c & 1) != 0 ? (a >> 16) * 0x10001u : (a & 0xffff) * 0x10001u);
  u32 dot_s = c, dot_u = c;
  for (int k = 0; k < 32; k += 8) {
    dot_s += u32(s32(std::int8_t(a >> k)) * s32(std::int8_t(b >> k)));
    dot_u += (a >> k & 255) * (b >> k & 255);
  }
  v.push_back(dot_s);
  v.push_back(dot_u);
  v.push_back(c + u32(s32(s16(a)) * std::int8_t(b)) + u32(s32(s16(a >> 16)) * std::int8_t(b >> 8)));
  v.push_back((b > 31 ? 0 : a << b) + c);
  v.push_back((b > 31 ? 0 : a >> b) + c);
  v.push_back(u32(s64{sa} >> std::min<u32>(b, 31)) + c);
  v.push_back(u32(clamp(s64{sa} + sb)) ^ c);
  v.push_back(u32(clamp(s64{sa} - sb)) ^ c);
  const s64 x24 = s32(a << 8) / 256 - (s32(a << 8) % 256 < 0), y24 = s32(b << 8) / 256 - (s32(b << 8) % 256 < 0);
  v.push_back(u32(x24 * y24) ^ c);
  {
    const u32 magnitude = sa < 0 ? ~a : a;
    u32 place = 0xffffffff;
    for (u32 k = 0; k < 32; ++k)
      if ((magnitude >> k & 1) != 0) place = k;
    v.push_back((b ^ c) + place);
  }
  {
    u32 mask = 0;
    for (u32 k = 0; k < 32; ++k)
      if (a < 32 && k >= a && u64{k} < u64{a} + b) mask |= u32{1} << k;
    v.push_back(mask ^ c);
  }
  v.push_back(sc >= 0 ? a : b);
  v.push_back((sa < sb ? 0xffffffff : 0) ^ c);
  v.push_back(((u32(u16(std::min(s16(a >> 16), s16(b >> 16)))) << 16) | u16(std::min(s16(a), s16(b)))) ^ c);
  return v;
}

}  // namespace

TEST_CASE("32-bit integer operations") {
  program p("integer");
  constexpr int count = 1000;  // not a multiple of the block: the last warp is masked
  auto a = words(count, 1), b = words(count, 2), c = words(count, 3);
  for (int i = 0; i < count; i += 4) b[std::size_t(i)] %= 40, c[std::size_t(i)] %= 40;
  const auto lines = expected(0, 0, 0).size();
  const auto out = p.allocate(lines * count * 4);
  const auto r = p.run("integers", {8}, {128}, p.upload(a), p.upload(b), p.upload(c), out, count);
  check_clean(r);
  const auto got = p.download<u32>(out, lines * count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto want = expected(a[i], b[i], c[i]);
    for (std::size_t line = 0; line < lines; ++line) {
      CAPTURE(line);
      CAPTURE(a[i]);
      CAPTURE(b[i]);
      CAPTURE(c[i]);
      REQUIRE(got[line * count + i] == want[line]);
    }
  }
}

TEST_CASE("64-bit integer operations, wide products and carries") {
  program p("integer");
  constexpr int count = 300;
  std::mt19937_64 random(5);
  std::vector<u64> a(count), b(count), c(count);
  for (std::size_t i = 0; i < count; ++i) {
    a[i] = random() >> (i % 3 * 20);
    b[i] = i % 7 == 0 ? 0 : random() >> (i % 5 * 12);
    c[i] = i % 11 == 0 ? ~u64{0} : random();
  }
  constexpr std::size_t lines = 19;
  const auto out = p.allocate(lines * count * 8);
  check_clean(p.run("wide_integers", {3}, {128}, p.upload(a), p.upload(b), p.upload(c), out, count));
  const auto got = p.download<u64>(out, lines * count);
  for (std::size_t i = 0; i < count; ++i) {
    const u64 x = a[i], y = b[i], z = c[i];
    const s64 sx = s64(x), sy = s64(y);
    u64 back = 0;
    for (int k = 0; k < 64; ++k) back = back << 1 | (x >> k & 1);
    // Schoolbook product of 32-bit halves, independent of __int128.
    const u64 ll = (x & 0xffffffff) * (y & 0xffffffff), lh = (x & 0xffffffff) * (y >> 32),
              hl = (x >> 32) * (y & 0xffffffff), hh = (x >> 32) * (y >> 32);
    const u64 middle = (ll >> 32) + (lh & 0xffffffff) + (hl & 0xffffffff);
    const u64 high = hh + (lh >> 32) + (hl >> 32) + (middle >> 32);
    const u64 signed_high = high - (sx < 0 ? y : 0) - (sy < 0 ? x : 0);
    const u64 want[lines] = {x + y,
                             x * y,
                             high,
                             signed_high,
                             y == 0 ? 7 : x / y,
                             y == 0 || sy == -1 ? 7 : u64(sx % sy),
                             u64(sx >> (z & 63)),
                             u64(std::popcount(x)) << 32 | u64(std::countl_zero(x)),
                             back,
                             u64(s64{s32(x)} * s64{s32(y)}),
                             (x & 0xffffffff) * (y & 0xffffffff) + z,
                             u64(s64{s16(x)} * s16(y)),
                             high + (x * y + z < z ? 1 : 0),
                             x * y + z,
                             x - (y < z ? 1 : 0),
                             (u64{u16(x)} * 3 + u16(y)) & 0xffff,
                             (x & 0xffffffff) + (x >> 32),
                             extract<u64>(x, 5, 40, true),
                             (y & ~(((u64{1} << 30) - 1) << 12)) | (x & ((u64{1} << 30) - 1)) << 12};
    for (std::size_t line = 0; line < lines; ++line) {
      CAPTURE(line);
      CAPTURE(x);
      CAPTURE(y);
      CAPTURE(z);
      REQUIRE(got[line * count + i] == want[line]);
    }
  }
}
