// SPDX-License-Identifier: Apache-2.0
// atom and red. Lanes act one after the other in lane order, so that float sums are the same in every run.
#include <cstring>

#include "access.hpp"
#include "decode.hpp"
#include "half_math.hpp"
#include "lanes.hpp"
#include "load_store.hpp"

namespace sim::ptx {
namespace {

enum class operation : unsigned char {
  add,
  minimum,
  maximum,
  conjunction,
  disjunction,
  exclusive,
  exchange,
  swap,
  increment,
  decrement
};
// instruction::small: [0] operation, [1] space, [2] order, [3] whether there is a result and how many elements x 2, [4]
// base.

template <class T>
struct number {  // integers and f32, f64 as they are
  using bits = std::conditional_t<sizeof(T) == 8, u64, std::conditional_t<sizeof(T) == 4, u32, u16>>;
  static bits apply(operation op, bits old, bits b, bits c) {
    const T x = std::bit_cast<T>(old), y = std::bit_cast<T>(b);
    const auto out = [](T r) { return std::bit_cast<bits>(r); };
    switch (op) {
      case operation::add:
        if constexpr (std::is_integral_v<T>)
          return bits(old + b);
        else
          return out(sim::ptx::canonical(T(x + y)));  // in shared memory: see global_sum
      case operation::minimum:
        return y < x ? b : old;
      case operation::maximum:
        return x < y ? b : old;
      case operation::conjunction:
        return bits(old & b);
      case operation::disjunction:
        return bits(old | b);
      case operation::exclusive:
        return bits(old ^ b);
      case operation::exchange:
        return b;
      case operation::swap:
        return old == b ? c : old;
      case operation::increment:
        return old >= b ? bits(0) : bits(old + 1);
      case operation::decrement:
        return old == 0 || old > b ? b : bits(old - 1);
    }
    return old;
  }
};

/// Sums of f32 in global memory flush subnormals, whatever the compiler was asked for; those in shared memory keep
/// them.
u32 global_sum(u32 old, u32 b) {
  return std::bit_cast<u32>(canonical(flush(flush(std::bit_cast<float>(old)) + flush(std::bit_cast<float>(b)))));
}

template <class H, bool packed>
struct halves {
  using bits = std::conditional_t<packed, u32, u16>;
  static u16 one(operation op, u16 a, u16 b) {
    const float x = H::to_float(a), y = H::to_float(b);
    return H::from_float(op == operation::add       ? x + y
                         : op == operation::minimum ? lesser<false>(x, y)
                                                    : greater<false>(x, y));
  }
  static bits apply(operation op, bits old, bits b, bits c) {
    if (op == operation::exchange) return b;
    if (op == operation::swap) return old == b ? c : old;
    if constexpr (packed)
      return u32(one(op, u16(old), u16(b))) | u32(one(op, u16(old >> 16), u16(b >> 16))) << 16;
    else
      return one(op, old, b);
  }
};

template <class M>
flow atomic(warp& w, const instruction& i, u32 mask) {
  using B = typename M::bits;
  using S = slot<B>;
  alignas(64) u64 address[lanes];
  addresses(w, i, address);
  request r;
  r.mask = mask;
  const unsigned count = i.small[3] >> 1;
  r.width = unsigned(sizeof(B)) * count;
  r.what = intent::atomic;
  r.where = space(i.small[1]);
  r.synchronising = true;
  r.releases = (i.small[2] & 2) != 0;
  r.acquires = (i.small[2] & 4) != 0;
  r.within_block = (i.small[2] & 8) != 0;
  const bool result = (i.small[3] & 1) != 0;
  const u64 before = w.work->changes;
  resolved found;
  resolve(w, i, r, address, found);
  w.work->changes = before;
  bool changed = false;
  const operand* list = w.launch->code->operands.data() + i.target;
  const auto op = operation(i.small[0]);
  const auto shared_begin = reinterpret_cast<u64>(w.block->shared.data());
  for (u32 m = found.mask; m != 0; m &= m - 1) {
    const unsigned l = unsigned(std::countr_zero(m));
    const bool in_global = reinterpret_cast<u64>(found.at[l]) - shared_begin >= w.block->shared.size();
    for (unsigned k = 0; k < count; ++k) {
      const operand from = count == 1 ? i.b : list[k], to = count == 1 || !result ? i.d : list[count + k];
      const B b = B(w.at<S>(from)[l]), c = op == operation::swap ? B(w.at<S>(i.c)[l]) : B(0);
      B* at = reinterpret_cast<B*>(found.at[l]) + k;
      B old = __atomic_load_n(at, __ATOMIC_SEQ_CST), next;
      do {
        if constexpr (std::is_same_v<M, number<float>>)
          next = op == operation::add && in_global ? global_sum(old, b) : M::apply(op, old, b, c);
        else
          next = M::apply(op, old, b, c);
      } while (!__atomic_compare_exchange_n(at, &old, next, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
      changed = changed || next != old;
      if (result) w.at<S>(to)[l] = old;
    }
  }
  if (changed) {
    ++w.work->changes;
    if (r.where != space::shared) w.block->polls = 0;
  }
  return flow::next;
}

/// 128-bit exchange and compare-and-swap. Only one OS thread runs the blocks of a kernel that has one.
flow atomic_128(warp& w, const instruction& i, u32 mask) {
  alignas(64) u64 address[lanes];
  addresses(w, i, address);
  request r;
  r.mask = mask;
  r.width = 16;
  r.what = intent::atomic;
  r.where = space(i.small[1]);
  r.synchronising = true;
  r.releases = (i.small[2] & 2) != 0;
  r.acquires = (i.small[2] & 4) != 0;
  r.within_block = (i.small[2] & 8) != 0;
  resolved found;
  resolve(w, i, r, address, found);
  for (u32 m = found.mask; m != 0; m &= m - 1) {
    const unsigned l = unsigned(std::countr_zero(m));
    u64 old[2];
    std::memcpy(old, found.at[l], 16);
    const u64 b[2] = {w.at<u64>(i.b)[l], w.at<u64>(i.b)[lanes + l]};
    if (operation(i.small[0]) == operation::exchange) {
      std::memcpy(found.at[l], b, 16);
    } else if (old[0] == b[0] && old[1] == b[1]) {
      const u64 c[2] = {w.at<u64>(i.c)[l], w.at<u64>(i.c)[lanes + l]};
      std::memcpy(found.at[l], c, 16);
    }
    w.at<u64>(i.d)[l] = old[0];
    w.at<u64>(i.d)[lanes + l] = old[1];
  }
  return flow::next;
}

handler handler_of(const line& l, type t) {
  switch (t) {
    case type::b16:
      return atomic<number<u16>>;
    case type::b32:
    case type::u32:
      return atomic<number<u32>>;
    case type::s32:
      return atomic<number<s32>>;
    case type::b64:
    case type::u64:
      return atomic<number<u64>>;
    case type::s64:
      return atomic<number<s64>>;
    case type::f32:
      return atomic<number<float>>;
    case type::f64:
      return atomic<number<double>>;
    case type::f16:
      return atomic<halves<half_format, false>>;
    case type::f16x2:
      return atomic<halves<half_format, true>>;
    case type::bf16:
      return atomic<halves<brain_format, false>>;
    case type::bf16x2:
      return atomic<halves<brain_format, true>>;
    case type::b128:
      return atomic_128;
    default:
      l.fail("atomics of this type are not known");
  }
}

/// What PTX has: sums of numbers, extrema of integers and of vectors of halves, logic and exchanges of bits.
bool exists(operation op, type t, unsigned count) {
  const bool halves = t == type::f16 || t == type::f16x2 || t == type::bf16 || t == type::bf16x2;
  const bool bits = t == type::b16 || t == type::b32 || t == type::b64 || t == type::b128;
  if (count > 1) return (t == type::f32 && op == operation::add) || (halves && op <= operation::maximum);
  switch (op) {
    case operation::add:
      return !bits && t != type::s64;
    case operation::minimum:
    case operation::maximum:
      return !bits && !halves && !is_float(t);
    case operation::conjunction:
    case operation::disjunction:
    case operation::exclusive:
      return t == type::b32 || t == type::b64;
    case operation::exchange:
      return bits && t != type::b16;
    case operation::swap:
      return bits;
    case operation::increment:
    case operation::decrement:
      return t == type::u32;
  }
  return false;
}

void decode_atomic(decoder& d, line& l) {
  const bool result = l.opcode == "atom";
  space where = take_space(l);
  const auto order = take_ordering(l);
  take_cache_hints(l);
  l.take("noftz");
  constexpr std::string_view names[] = {"add", "min", "max", "and", "or", "xor", "exch", "cas", "inc", "dec"};
  std::uint8_t op = 0;
  while (op < std::size(names) && !l.take(names[op])) ++op;
  if (op == std::size(names)) l.fail("this atomic operation is not known");
  unsigned count = 1;
  if (const auto vector = l.take_any({"v2", "v4", "v8"}); !vector.empty()) count = unsigned(vector[1] - '0');
  const type t = l.take_type();
  if (!exists(operation(op), t, count)) l.fail("there is no atomic operation of this name and type");
  const handler h = handler_of(l, t);
  std::size_t k = result ? 1 : 0;
  const auto address = d.memory_operand(l, l.at(k++));
  if (where == space::generic && address.where != space::none) where = address.where;
  const auto texts = decoder::vector_elements(l.at(k++));
  if (texts.size() != count) l.fail("the vector has another number of elements");
  std::vector<operand> all;
  for (const auto text : texts) all.push_back(d.source(l, text, t));
  const auto c = operation(op) == operation::swap ? d.source(l, l.at(k++), t) : operand{};
  if (result)
    for (const auto text : decoder::vector_elements(l.at(0))) all.push_back(d.destination(l, text, t));
  const auto first = count > 1 ? d.list(all) : 0;
  auto& made = d.emit(l, h, instruction_kind::memory, result ? all[count] : operand{}, address.base.value_or(operand{}),
                      all[0], c);
  made.target = first;
  made.offset = address.offset;
  made.small[0] = op;
  made.small[1] = std::uint8_t(where);
  made.small[2] = order.bits();
  made.small[3] = std::uint8_t(count << 1 | unsigned(result));
  made.small[4] = std::uint8_t(address.base ? address.base_bytes : 0);
  const unsigned width = bytes_of(t) * count;
  if (where == space::shared || where == space::generic) d.note_shared_width(width);
  if (where == space::global || where == space::generic) {
    d.note_global_width(width);
    if (result || is_float(t)) d.communicates();
  }
}

constexpr opcode_row rows[] = {{"atom", decode_atomic}, {"red", decode_atomic}};

}  // namespace

std::span<const opcode_row> atomic_opcodes() { return rows; }

}  // namespace sim::ptx
