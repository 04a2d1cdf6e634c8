// SPDX-License-Identifier: Apache-2.0
// Matrix instructions of a warp: mma.sync, ldmatrix, stmatrix.
//
// A fragment is a rule that says which element of a matrix register r of lane l holds. With g = l / 4 and t = l % 4:
//   A (16 x K, row): rows g and g + 8; a register holds n = 4 / element bytes neighbours from column t n on; the
//   registers go down a
//     row block first, then to the next 4 n columns.
//   B (K x 8, column): column g; registers go along K in steps of 4 n.
//   C, D (16 x 8): rows g and g + 8, columns 2 t and 2 t + 1.
#include <cstdio>
#include <cstring>

#include "access.hpp"
#include "decode.hpp"
#include "exchange.hpp"
#include "half_math.hpp"
#include "lanes.hpp"

namespace sim::ptx {
namespace {

constexpr auto matrix = instruction_kind::matrix;

enum class element : unsigned char { f16, bf16, tf32, s8, u8, e4m3, e5m2, f64 };
enum class accumulator : unsigned char { f32, f16, s32, f64 };

unsigned bytes_of(element e) {
  switch (e) {
    case element::f16:
    case element::bf16:
      return 2;
    case element::tf32:
      return 4;
    case element::f64:
      return 8;
    default:
      return 1;
  }
}

double value_of(element e, u32 bits) {
  switch (e) {
    case element::f16:
      return half_format::to_float(u16(bits));
    case element::bf16:
      return brain_format::to_float(u16(bits));
    case element::tf32:
      return std::bit_cast<float>(bits & 0xffffe000u);
    case element::s8:
      return s8(bits);
    case element::u8:
      return u8(bits);
    case element::e4m3:
      return widen_from(e4m3_format, bits & 0xff);
    case element::e5m2:
      return widen_from(e5m2_format, bits & 0xff);
    case element::f64:
      break;
  }
  return 0;
}

/// Every lane holds a part of each matrix: one that left, or that the block does not have, is a fault.
void check_whole_warp(warp& w, const instruction& i, u32 mask) {
  if (mask == all_lanes || !w.launch->shuffles) return;
  char text[32];
  std::snprintf(text, sizeof text, "%#x", ~mask);
  raise(w, i, unsigned(std::countr_zero(mask)), fault_kind::inactive_lane, 0,
        std::string("all 32 lanes of the warp hold a part of the matrices, but lanes ") + text + " are not there");
}

// small: [0] type of A, [1] of B, [2] accumulator, [3] K, [4] saturate. Registers in program::operands from `target`:
// D, A, B, C. The sum of a product row is exact to double before it is rounded once; the hardware rounds on the way.
flow multiply(warp& w, const instruction& i, u32 mask) {
  mask = together(w, i, mask, i.e);
  if (mask == 0) return flow::stop;
  check_whole_warp(w, i, mask);
  const element ta = element(i.small[0]), tb = element(i.small[1]);
  const auto acc = accumulator(i.small[2]);
  const unsigned k_size = i.small[3];
  const bool wide = ta == element::f64;
  const unsigned m_size = wide ? 8 : 16, n_size = 8;
  const unsigned per = wide ? 1 : 4 / bytes_of(ta), row_blocks = m_size / 8;
  const unsigned a_registers = m_size * k_size / (lanes * per), b_registers = k_size * n_size / (lanes * per);
  const unsigned c_registers = acc == accumulator::f16 ? 2 : wide ? 2 : 4;
  const operand* list = w.launch->code->operands.data() + i.target;
  const operand *d = list, *a = d + c_registers, *b = a + a_registers, *c = b + b_registers;
  double left[16][32], right[8][32];  // right by column
  for (unsigned l = 0; l < lanes; ++l) {
    const unsigned g = l / 4, t = l % 4, bits = 32 / per;
    for (unsigned r = 0; r < a_registers; ++r)
      for (unsigned e = 0; e < per; ++e) {
        double& to = left[g + 8 * (r % row_blocks)][r / row_blocks * 4 * per + t * per + e];
        to = wide ? w.at<double>(a[r])[l] : value_of(ta, w.at<u32>(a[r])[l] >> (bits % 32 * e));
      }
    for (unsigned r = 0; r < b_registers; ++r)
      for (unsigned e = 0; e < per; ++e)
        right[g][r * 4 * per + t * per + e] =
            wide ? w.at<double>(b[r])[l] : value_of(tb, w.at<u32>(b[r])[l] >> (bits % 32 * e));
  }
  const auto dot = [&](unsigned row, unsigned column, double start) {
    double sum = start;
    for (unsigned k = 0; k < k_size; ++k) sum += left[row][k] * right[column][k];
    return sum;
  };
  for (u32 m = mask; m != 0; m &= m - 1) {
    const unsigned l = unsigned(std::countr_zero(m)), g = l / 4, t = l % 4;
    for (unsigned r = 0; r < c_registers; ++r) {
      if (acc == accumulator::f16) {
        const u32 start = w.at<u32>(c[r])[l];
        u32 out = 0;
        for (unsigned e = 0; e < 2; ++e)
          out |= u32(half_format::from_double(dot(g + 8 * r, 2 * t + e, half_format::to_float(u16(start >> (16 * e))))))
                 << (16 * e);
        w.at<u32>(d[r])[l] = out;
        continue;
      }
      const unsigned row = wide ? g : g + 8 * (r / 2), column = 2 * t + r % 2;
      if (acc == accumulator::f64) {
        w.at<double>(d[r])[l] = dot(row, column, w.at<double>(c[r])[l]);
      } else if (acc == accumulator::f32) {
        w.at<u32>(d[r])[l] = std::bit_cast<u32>(canonical(float(dot(row, column, w.at<float>(c[r])[l]))));
      } else {
        double sum = dot(row, column, double(w.at<s32>(c[r])[l]));
        if (i.small[4] != 0) sum = std::min(std::max(sum, -0x1p31), 2147483647.0);
        w.at<u32>(d[r])[l] = u32(s64(sum));
      }
    }
  }
  return gathered(w);
}

std::optional<element> element_named(std::string_view name) {
  constexpr std::pair<std::string_view, element> names[] = {
      {"f16", element::f16}, {"bf16", element::bf16}, {"tf32", element::tf32}, {"s8", element::s8},
      {"u8", element::u8},   {"e4m3", element::e4m3}, {"e5m2", element::e5m2}, {"f64", element::f64}};
  for (const auto& [text, e] : names)
    if (text == name) return e;
  return std::nullopt;
}

void decode_mma(decoder& d, line& l) {
  if (!l.take("sync")) l.fail("mma.sync is expected");
  l.take("aligned");
  const auto shape = l.take_any({"m16n8k4", "m16n8k8", "m16n8k16", "m16n8k32", "m8n8k4"});
  if (shape.empty()) l.fail("the shape is not known");
  const unsigned k_size = unsigned(read_literal(shape.substr(shape.rfind('k') + 1)).value().bits);
  if (!l.take("row") || !l.take("col")) l.fail(".row.col is expected");
  const bool saturate = l.take("satfinite");
  if (l.modifiers.size() != 4) l.fail("four types are expected");
  const auto names = l.modifiers;
  l.modifiers.clear();
  const auto a = element_named(names[1]), b = element_named(names[2]);
  if (!a || !b || bytes_of(*a) != bytes_of(*b) || names[0] != names[3]) l.fail("these element types are not known");
  const bool wide = *a == element::f64;
  const auto acc = names[0] == "f32"   ? accumulator::f32
                   : names[0] == "f16" ? accumulator::f16
                   : names[0] == "s32" ? accumulator::s32
                                       : accumulator::f64;
  // Depths of each element type, the larger one first, and the accumulators.
  const unsigned deepest = wide ? 4 : bytes_of(*a) == 4 ? 8 : bytes_of(*a) == 2 ? 16 : 32;
  const bool eight_float = *a == element::e4m3 || *a == element::e5m2,
             integers = *a == element::s8 || *a == element::u8;
  const bool half_depth = k_size == deepest / 2 && !wide && !eight_float;
  const bool one_kind = *a == *b || (eight_float && (*b == element::e4m3 || *b == element::e5m2)) ||
                        (integers && (*b == element::s8 || *b == element::u8));
  const bool fits = wide       ? acc == accumulator::f64
                    : integers ? acc == accumulator::s32
                               : acc == accumulator::f32 || (acc == accumulator::f16 && *a == element::f16);
  if (wide != (shape == "m8n8k4") || (k_size != deepest && !half_depth) || !one_kind || !fits)
    l.fail("this shape is not known for these types");
  const unsigned per = wide ? 1 : 4 / bytes_of(*a), m_size = wide ? 8 : 16;
  const std::size_t counts[] = {acc == accumulator::f16 || wide ? 2u : 4u, m_size * k_size / (lanes * per),
                                k_size * 8 / (lanes * per), acc == accumulator::f16 || wide ? 2u : 4u};
  std::vector<operand> all;
  for (std::size_t k = 0; k < 4; ++k) {
    const auto texts = decoder::vector_elements(l.at(k));
    if (texts.size() != counts[k] || counts[k] == 0) l.fail("a fragment has another number of registers");
    for (const auto text : texts) {
      const type t = wide ? type::f64 : (k == 0 || k == 3) && acc == accumulator::f32 ? type::f32 : type::b32;
      all.push_back(k == 0 ? d.destination(l, text, t) : d.source(l, text, t));
    }
  }
  const auto first = d.list(all);
  auto& made = d.emit(l, multiply, matrix, {}, {}, {}, {}, d.constant(all_lanes, 4));
  made.target = first;
  made.small[0] = std::uint8_t(*a);
  made.small[1] = std::uint8_t(*b);
  made.small[2] = std::uint8_t(acc);
  made.small[3] = std::uint8_t(k_size);
  made.small[4] = saturate;
}

// Lane 8 j + r gives the address of row r of matrix j: 8 elements of 16 bits. Register j of lane l holds row l / 4,
// columns 2 (l % 4) and the next; transposed, rows and columns change places. small[0]: matrices; [1] transposed.
template <bool is_store>
flow move_matrix(warp& w, const instruction& i, u32 mask) {
  mask = together(w, i, mask, i.e);
  if (mask == 0) return flow::stop;
  check_whole_warp(w, i, mask);
  alignas(64) u64 address[lanes];
  addresses(w, i, address);
  const unsigned count = i.small[0];
  request r;
  r.mask = mask & (count == 4 ? all_lanes : (u32{1} << (8 * count)) - 1);
  r.width = 16;
  r.what = is_store ? intent::store : intent::load;
  r.where = space::shared;
  for (auto& one : address)
    if (i.small[4] == 8) one &= ~window_mask;
  resolved found;
  resolve(w, i, r, address, found);
  const operand* registers = w.launch->code->operands.data() + i.target;
  for (unsigned j = 0; j < count; ++j) {
    u16 rows[8][8] = {};
    if (!is_store)
      for (unsigned k = 0; k < 8; ++k)
        if ((found.mask >> (8 * j + k) & 1) != 0) std::memcpy(rows[k], found.at[8 * j + k], 16);
    u32* values = w.at<u32>(registers[j]);
    for (unsigned l = 0; l < lanes; ++l)
      for (unsigned e = 0; e < 2; ++e) {
        const unsigned x = l / 4, y = 2 * (l % 4) + e;
        u16& place = i.small[1] != 0 ? rows[y][x] : rows[x][y];
        if (is_store)
          place = u16(values[l] >> (16 * e));
        else
          values[l] = e == 0 ? u32{place} : values[l] | u32{place} << 16;
      }
    if (is_store)
      for (unsigned k = 0; k < 8; ++k)
        if ((found.mask >> (8 * j + k) & 1) != 0) std::memcpy(found.at[8 * j + k], rows[k], 16);
  }
  return gathered(w);
}

template <bool is_store>
void decode_move_matrix(decoder& d, line& l) {
  l.take("sync");
  l.take("aligned");
  if (!l.take("m8n8")) l.fail("of the shapes m8n8 is known");
  const auto how_many = l.take_any({"x1", "x2", "x4"});
  const bool transposed = l.take("trans");
  l.take_any({"shared", "shared::cta"});
  if (l.take_type() != type::b16 || how_many.empty()) l.fail(".x1, .x2 or .x4 of .b16 is expected");
  const auto address = d.memory_operand(l, l.at(is_store ? 0 : 1));
  std::vector<operand> all;
  for (const auto text : decoder::vector_elements(l.at(is_store ? 1 : 0)))
    all.push_back(is_store ? d.source(l, text, type::b32) : d.destination(l, text, type::b32));
  const unsigned count = unsigned(how_many[1] - '0');
  if (all.size() != count) l.fail("the vector has another number of elements");
  const auto first = d.list(all);
  auto& made =
      d.emit(l, move_matrix<is_store>, matrix, {}, address.base.value_or(operand{}), {}, {}, d.constant(all_lanes, 4));
  made.target = first;
  made.offset = address.offset;
  made.small[0] = std::uint8_t(count);
  made.small[1] = transposed;
  made.small[4] = std::uint8_t(address.base ? address.base_bytes : 0);
  d.note_shared_width(16);
}

constexpr opcode_row rows[] = {
    {"mma", decode_mma},
    {"ldmatrix", decode_move_matrix<false>},
    {"stmatrix", decode_move_matrix<true>},
};

}  // namespace

std::span<const opcode_row> matrix_opcodes() { return rows; }

}  // namespace sim::ptx
