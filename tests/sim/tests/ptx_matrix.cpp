// SPDX-License-Identifier: Apache-2.0
// mma.sync against a triple loop, ldmatrix and stmatrix against the matrices themselves.
#include <bit>
#include <cmath>

#include "formats.hpp"
#include "ptx_harness.hpp"

using namespace sim_test;
using u8 = std::uint8_t;

namespace {

// Small integers and quarters: exact in every format here, and so are the sums.
template <class T, class F>
std::vector<T> made(std::size_t count, unsigned seed, F convert) {
  std::mt19937 random(seed);
  std::vector<T> v(count);
  for (auto& x : v) x = convert(int(random() % 33) - 16);
  return v;
}
u16 to_f16(double x) {  // exact values only
  if (x == 0) return 0;
  int e;
  const double m = std::frexp(std::fabs(x), &e);
  return u16((x < 0 ? 0x8000 : 0) | (e + 14) << 10 | int((m * 2 - 1) * 1024));
}
u16 to_bf16(double x) { return u16(std::bit_cast<u32>(float(x)) >> 16); }
double from_f16(u16 h) {
  const double m = std::ldexp(1 + (h & 1023) / 1024.0, (h >> 10 & 31) - 15);
  return (h & 0x7fff) == 0 ? 0 : (h & 0x8000) != 0 ? -m : m;
}
double from_bf16(u16 h) { return std::bit_cast<float>(u32{h} << 16); }

template <class A, class FA, class B, class FB, class C>
std::vector<double> product(const std::vector<A>& a, FA fa, const std::vector<B>& b, FB fb, const std::vector<C>& c,
                            int rows, int k) {
  std::vector<double> d(std::size_t(rows) * 8);
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < 8; ++j) {
      double sum = double(c[std::size_t(i * 8 + j)]);
      for (int x = 0; x < k; ++x) sum += fa(a[std::size_t(i * k + x)]) * fb(b[std::size_t(j * k + x)]);
      d[std::size_t(i * 8 + j)] = sum;
    }
  return d;
}
template <class T>
void check_equal(program& p, std::uint64_t d, const std::vector<double>& want) {
  const auto got = p.download<T>(d, want.size());
  for (std::size_t i = 0; i < want.size(); ++i) {
    CAPTURE(i);
    CHECK(double(got[i]) == want[i]);
  }
}

}  // namespace

TEST_CASE("mma.m16n8k16 of f16 and bf16 into f32") {
  program p("matrix");
  const auto c = made<float>(128, 3, [](int x) { return float(x) * 0.125f; });
  const auto d = p.allocate(512);
  {
    const auto a = made<u16>(256, 1, [](int x) { return to_f16(x / 4.0); }),
               b = made<u16>(128, 2, [](int x) { return to_f16(x); });
    const auto r = p.run("mma_f16", {1}, {32}, p.upload(a), p.upload(b), p.upload(c), d);
    check_clean(r);
    CHECK(r.counts.warps(sim::instruction_kind::matrix) == 1);
    check_equal<float>(p, d, product(a, from_f16, b, from_f16, c, 16, 16));
  }
  const auto a = made<u16>(256, 4, [](int x) { return to_bf16(x / 4.0); }),
             b = made<u16>(128, 5, [](int x) { return to_bf16(x); });
  check_clean(p.run("mma_bf16", {1}, {32}, p.upload(a), p.upload(b), p.upload(c), d));
  check_equal<float>(p, d, product(a, from_bf16, b, from_bf16, c, 16, 16));
}

TEST_CASE("mma with f16 accumulators") {
  program p("matrix");
  const auto a = made<u16>(256, 1, [](int x) { return to_f16(x / 4.0); }),
             b = made<u16>(128, 2, [](int x) { return to_f16(x / 8.0); }),
             c = made<u16>(128, 3, [](int x) { return to_f16(x); });
  const auto d = p.allocate(256);
  check_clean(p.run("mma_f16_f16", {1}, {32}, p.upload(a), p.upload(b), p.upload(c), d));
  std::vector<double> start;
  for (const u16 h : c) start.push_back(from_f16(h));
  const auto want = product(a, from_f16, b, from_f16, start, 16, 16);
  const auto got = p.download<u16>(d, 128);
  for (std::size_t i = 0; i < 128; ++i) CHECK(from_f16(got[i]) == want[i]);
}

TEST_CASE("mma.m16n8k8 of tf32 ignores the low bits") {
  program p("matrix");
  const auto bits = [](int x) { return std::bit_cast<u32>(float(x) * 0.5f) | 0x7ffu; };
  const auto value = [](u32 b) { return double(std::bit_cast<float>(b & ~0x1fffu)); };
  const auto a = made<u32>(128, 1, bits), b = made<u32>(64, 2, bits);
  const auto c = made<float>(128, 3, [](int x) { return float(x); });
  const auto d = p.allocate(512);
  check_clean(p.run("mma_tf32", {1}, {32}, p.upload(a), p.upload(b), p.upload(c), d));
  check_equal<float>(p, d, product(a, value, b, value, c, 16, 8));
}

TEST_CASE("mma.m16n8k32 of bytes") {
  program p("matrix");
  std::mt19937 random(4);
  std::vector<u8> a(512), b(256);
  for (auto& x : a) x = u8(random());
  for (auto& x : b) x = u8(random());
  auto c = made<int>(128, 3, [](int x) { return x * 1000; });
  const auto d = p.allocate(512);
  const auto s = [](u8 x) { return double(std::int8_t(x)); };
  const auto u = [](u8 x) { return double(x); };
  check_clean(p.run("mma_s8", {1}, {32}, p.upload(a), p.upload(b), p.upload(c), d));
  check_equal<int>(p, d, product(a, s, b, s, c, 16, 32));
  check_clean(p.run("mma_u8_s8", {1}, {32}, p.upload(a), p.upload(b), p.upload(c), d));
  check_equal<int>(p, d, product(a, u, b, s, c, 16, 32));
  for (auto& x : c) x = 0x7fffffff;
  check_clean(p.run("mma_s8_saturate", {1}, {32}, p.upload(a), p.upload(b), p.upload(c), d));
  auto want = product(a, s, b, s, c, 16, 32);
  for (auto& x : want) x = std::fmin(x, 2147483647.0);
  check_equal<int>(p, d, want);
  check_clean(p.run("mma_s8", {1}, {32}, p.upload(a), p.upload(b), p.upload(c), d));
  want = product(a, s, b, s, c, 16, 32);
  for (auto& x : want) x = double(int(u32(std::int64_t(x))));
  check_equal<int>(p, d, want);
}

TEST_CASE("mma of half the depth: m16n8k8 of halves, m16n8k4 of tf32, m16n8k16 of bytes") {
  program p("matrix");
  const auto c = made<float>(128, 3, [](int x) { return float(x) * 0.125f; });
  const auto d = p.allocate(512);
  {
    const auto a = made<u16>(128, 1, [](int x) { return to_f16(x / 4.0); }),
               b = made<u16>(64, 2, [](int x) { return to_f16(x); });
    check_clean(p.run("mma_f16_k8", {1}, {32}, p.upload(a), p.upload(b), p.upload(c), d));
    check_equal<float>(p, d, product(a, from_f16, b, from_f16, c, 16, 8));
  }
  {
    const auto a = made<u16>(128, 4, [](int x) { return to_bf16(x / 4.0); }),
               b = made<u16>(64, 5, [](int x) { return to_bf16(x); });
    check_clean(p.run("mma_bf16_k8", {1}, {32}, p.upload(a), p.upload(b), p.upload(c), d));
    check_equal<float>(p, d, product(a, from_bf16, b, from_bf16, c, 16, 8));
  }
  {
    const auto bits = [](int x) { return std::bit_cast<u32>(float(x) * 0.5f) | 0x7ffu; };
    const auto value = [](u32 b) { return double(std::bit_cast<float>(b & ~0x1fffu)); };
    const auto a = made<u32>(64, 1, bits), b = made<u32>(32, 2, bits);
    check_clean(p.run("mma_tf32_k4", {1}, {32}, p.upload(a), p.upload(b), p.upload(c), d));
    check_equal<float>(p, d, product(a, value, b, value, c, 16, 4));
  }
  const auto byte = [](int x) { return u8(x * 7); };
  const auto a = made<u8>(256, 6, byte), b = made<u8>(128, 7, byte);
  const auto sums = made<int>(128, 3, [](int x) { return x * 1000; });
  const auto s = [](u8 x) { return double(std::int8_t(x)); };
  const auto u = [](u8 x) { return double(x); };
  check_clean(p.run("mma_s8_k16", {1}, {32}, p.upload(a), p.upload(b), p.upload(sums), d));
  check_equal<int>(p, d, product(a, s, b, s, sums, 16, 16));
  check_clean(p.run("mma_u8_k16", {1}, {32}, p.upload(a), p.upload(b), p.upload(sums), d));
  check_equal<int>(p, d, product(a, u, b, u, sums, 16, 16));
}

TEST_CASE("mma.m16n8k32 of 8-bit floats") {
  program p("matrix");
  // Finite values of magnitudes from 1/8 to 15/4, whose sums of products are exact in f32.
  const auto bits = [](const format& f) { return [&f](int x) { return u8(f.round(x / 8.0, mode::nearest)); }; };
  const auto value = [](const format& f) { return [&f](u8 x) { return f.value(x); }; };
  const auto c = made<float>(128, 3, [](int x) { return float(x) * 0.125f; });
  const auto d = p.allocate(512);
  const auto a4 = made<u8>(512, 1, bits(e4m3)), b4 = made<u8>(256, 2, bits(e4m3)), a5 = made<u8>(512, 4, bits(e5m2));
  check_clean(p.run("mma_e4m3", {1}, {32}, p.upload(a4), p.upload(b4), p.upload(c), d));
  check_equal<float>(p, d, product(a4, value(e4m3), b4, value(e4m3), c, 16, 32));
  check_clean(p.run("mma_e5m2_e4m3", {1}, {32}, p.upload(a5), p.upload(b4), p.upload(c), d));
  check_equal<float>(p, d, product(a5, value(e5m2), b4, value(e4m3), c, 16, 32));
}

TEST_CASE("mma.m8n8k4 of f64") {
  program p("matrix");
  const auto real = [](int x) { return x / 16.0; };
  const auto a = made<double>(32, 1, real), b = made<double>(32, 2, real), c = made<double>(64, 3, real);
  const auto d = p.allocate(512);
  const auto same = [](double x) { return x; };
  check_clean(p.run("mma_f64", {1}, {32}, p.upload(a), p.upload(b), p.upload(c), d));
  check_equal<double>(p, d, product(a, same, b, same, c, 8, 4));
}

TEST_CASE("ldmatrix and stmatrix, straight and transposed") {
  program p("matrix");
  std::vector<u16> m(256);
  for (std::size_t i = 0; i < 256; ++i) m[i] = u16(i * 257 + 3);
  const auto out = p.allocate(288 * 4), back = p.allocate(128);
  const auto r = p.run("load_matrices", {1}, {32}, p.upload(m), out, back);
  check_clean(r);
  CHECK(r.counts.bank_conflicts == 0);
  const auto got = p.download<u32>(out, 288);
  const auto at = [&](int matrix, int row, int column) { return u32(m[std::size_t(matrix * 64 + row * 8 + column)]); };
  for (int k = 0; k < 4; ++k)
    for (int l = 0; l < 32; ++l) {
      CHECK(got[std::size_t(k * 32 + l)] == (at(k, l / 4, l % 4 * 2) | at(k, l / 4, l % 4 * 2 + 1) << 16));
      CHECK(got[std::size_t(128 + k * 32 + l)] == (at(k, l % 4 * 2, l / 4) | at(k, l % 4 * 2 + 1, l / 4) << 16));
    }
  for (int l = 0; l < 32; ++l) CHECK(got[std::size_t(256 + l)] == got[std::size_t(l)]);
  const auto stored = p.download<u16>(back, 64);
  for (int row = 0; row < 8; ++row)
    for (int column = 0; column < 8; ++column) CHECK(stored[std::size_t(row * 8 + column)] == at(0, column, row));
}
