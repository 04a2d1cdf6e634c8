// SPDX-License-Identifier: Apache-2.0
// Comparisons and selections: setp, set, selp, slct.
#include <cmath>
#include <functional>

#include "decode.hpp"
#include "float_math.hpp"
#include "half_math.hpp"
#include "lanes.hpp"
#include "pick.hpp"

namespace sim::ptx {
namespace {

// The value that a comparison of an operand type works on.
template <class T>
struct plain {
  using stored = T;
  static T value(T x) { return x; }
};
struct flushed_float {
  using stored = float;
  static float value(float x) { return flush(x); }
};
template <class H, bool ftz = false>
struct half_value {
  using stored = u32;
  static float value(u32 x) { return H::to_float(flushed_half<H, ftz>(u16(x))); }
};
template <class H, bool ftz = false>
struct high_half_value {
  using stored = u32;
  static float value(u32 x) { return H::to_float(flushed_half<H, ftz>(u16(x >> 16))); }
};

template <class T>
bool unordered(T a, T b) {
  return a != a || b != b;
}
struct eq {
  template <class T>
  bool operator()(T a, T b) const {
    return a == b;
  }
};
struct ne {
  template <class T>
  bool operator()(T a, T b) const {
    return a < b || a > b;
  }
};  // false for NaN
struct lt {
  template <class T>
  bool operator()(T a, T b) const {
    return a < b;
  }
};
struct le {
  template <class T>
  bool operator()(T a, T b) const {
    return a <= b;
  }
};
struct gt {
  template <class T>
  bool operator()(T a, T b) const {
    return a > b;
  }
};
struct ge {
  template <class T>
  bool operator()(T a, T b) const {
    return a >= b;
  }
};
struct equ {
  template <class T>
  bool operator()(T a, T b) const {
    return !(a < b || a > b);
  }
};
struct neu {
  template <class T>
  bool operator()(T a, T b) const {
    return a != b;
  }
};
struct ltu {
  template <class T>
  bool operator()(T a, T b) const {
    return !(a >= b);
  }
};
struct leu {
  template <class T>
  bool operator()(T a, T b) const {
    return !(a > b);
  }
};
struct gtu {
  template <class T>
  bool operator()(T a, T b) const {
    return !(a <= b);
  }
};
struct geu {
  template <class T>
  bool operator()(T a, T b) const {
    return !(a < b);
  }
};
struct num {
  template <class T>
  bool operator()(T a, T b) const {
    return !unordered(a, b);
  }
};
struct nan {
  template <class T>
  bool operator()(T a, T b) const {
    return unordered(a, b);
  }
};

using comparison = u32 (*)(warp&, operand, operand);

template <class V, class C>
u32 compare(warp& w, operand a, operand b) {
  using T = typename V::stored;
  return ballot<T, T>(
      w, [](T x, T y) { return C{}(V::value(x), V::value(y)); }, a, b);
}

template <class V>
comparison float_comparison(std::string_view name) {
  struct row {
    std::string_view name;
    comparison make;
  };
  static constexpr row rows[] = {
      {"eq", compare<V, eq>},   {"ne", compare<V, ne>},   {"lt", compare<V, lt>},   {"le", compare<V, le>},
      {"gt", compare<V, gt>},   {"ge", compare<V, ge>},   {"equ", compare<V, equ>}, {"neu", compare<V, neu>},
      {"ltu", compare<V, ltu>}, {"leu", compare<V, leu>}, {"gtu", compare<V, gtu>}, {"geu", compare<V, geu>},
      {"num", compare<V, num>}, {"nan", compare<V, nan>},
  };
  for (const auto& r : rows)
    if (r.name == name) return r.make;
  return nullptr;
}
template <class T>
comparison integer_comparison(std::string_view name) {
  using V = plain<T>;
  if (name == "eq") return compare<V, eq>;
  if (name == "ne") return compare<V, neu>;
  if (name == "lt" || name == "lo") return compare<V, lt>;
  if (name == "le" || name == "ls") return compare<V, le>;
  if (name == "gt" || name == "hi") return compare<V, gt>;
  if (name == "ge" || name == "hs") return compare<V, ge>;
  return nullptr;
}

comparison comparison_of(const line& l, type t, std::string_view name, bool ftz, bool high = false) {
  comparison found = nullptr;
  if (ftz && t != type::f32 && t != type::f16 && t != type::f16x2) l.fail(".ftz is for f32, f16 and f16x2");
  switch (t) {
    case type::f32:
      found = ftz ? float_comparison<flushed_float>(name) : float_comparison<plain<float>>(name);
      break;
    case type::f64:
      found = float_comparison<plain<double>>(name);
      break;
    case type::f16:
      found =
          ftz ? float_comparison<half_value<half_format, true>>(name) : float_comparison<half_value<half_format>>(name);
      break;
    case type::bf16:
      found = float_comparison<half_value<brain_format>>(name);
      break;
    case type::f16x2:
      found = ftz ? (high ? float_comparison<high_half_value<half_format, true>>(name)
                          : float_comparison<half_value<half_format, true>>(name))
                  : (high ? float_comparison<high_half_value<half_format>>(name)
                          : float_comparison<half_value<half_format>>(name));
      break;
    case type::bf16x2:
      found = high ? float_comparison<high_half_value<brain_format>>(name)
                   : float_comparison<half_value<brain_format>>(name);
      break;
    case type::b16:
    case type::u16:
      found = integer_comparison<u16>(name);
      break;
    case type::s16:
      found = integer_comparison<s16>(name);
      break;
    case type::b32:
    case type::u32:
      found = integer_comparison<u32>(name);
      break;
    case type::s32:
      found = integer_comparison<s32>(name);
      break;
    case type::b64:
    case type::u64:
      found = integer_comparison<u64>(name);
      break;
    case type::s64:
      found = integer_comparison<s64>(name);
      break;
    default:
      break;
  }
  if (found == nullptr) l.fail("comparison ." + std::string(name) + " of this type is not known");
  return found;
}

const std::initializer_list<std::string_view> comparison_names = {
    "eq", "ne", "lt", "le", "gt", "ge", "lo", "ls", "hi", "hs", "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan"};

// The comparison is a function pointer, kept where other instructions have their immediate.
comparison stored_comparison(const instruction& i) { return reinterpret_cast<comparison>(i.offset); }
std::int64_t storable(comparison c) { return reinterpret_cast<std::int64_t>(c); }

// small[0]: how the predicate c combines: 0 not, 1 and, 2 or, 3 xor.
u32 combined(u32 r, unsigned how, u32 c) { return how == 1 ? r & c : how == 2 ? r | c : how == 3 ? r ^ c : r; }

flow setp(warp& w, const instruction& i, u32 mask) {
  const u32 r = stored_comparison(i)(w, i.a, i.b);
  if (i.small[0] == 0) {
    write_mask(w, i.d, mask, r);
    if (i.small[1] != 0) write_mask(w, i.e, mask, ~r);
    return flow::next;
  }
  const u32 c = *w.at<u32>(i.c);
  write_mask(w, i.d, mask, combined(r, i.small[0], c));
  if (i.small[1] != 0) write_mask(w, i.e, mask, combined(~r, i.small[0], c));
  return flow::next;
}

instruction_kind kind_of(type t) {
  return t == type::f32                                                               ? instruction_kind::f32
         : t == type::f64                                                             ? instruction_kind::f64
         : t == type::f16 || t == type::bf16 || t == type::f16x2 || t == type::bf16x2 ? instruction_kind::f16
                                                                                      : instruction_kind::integer;
}

void decode_setp(decoder& d, line& l) {
  const auto name = l.take_any(comparison_names);
  const auto how = l.take_any({"and", "or", "xor"});
  const bool ftz = l.take("ftz");
  const type t = l.take_type();
  const bool packed = t == type::f16x2 || t == type::bf16x2;
  const auto a = d.source(l, l.at(1), t), b = d.source(l, l.at(2), t);
  operand c;
  if (!how.empty()) c = d.predicate_source(l, l.at(3));
  const auto results = l.at(0);
  const auto bar = results.find('|');
  const auto first = d.predicate_destination(l, trim(results.substr(0, bar)));
  operand second;
  if (bar != std::string_view::npos) second = d.predicate_destination(l, trim(results.substr(bar + 1)));
  const auto combine = std::uint8_t(how == "and" ? 1 : how == "or" ? 2 : how == "xor" ? 3 : 0);
  auto& low = d.emit(l, setp, kind_of(t), first, a, b, c, second);
  low.offset = storable(comparison_of(l, t, name, ftz));
  low.small[0] = combine;
  low.small[1] = bar != std::string_view::npos && !packed;
  if (packed && bar != std::string_view::npos) {  // p is for the low half, q for the high one
    auto& high = d.emit_helper(l, setp, second, a, b);
    high.c = c;
    high.offset = storable(comparison_of(l, t, name, ftz, true));
    high.small[0] = combine;
  }
}

// small[1]: the true value: 0 all ones of 32 bits, 1 1.0f, 2 for packed halves all ones each, 3 for packed halves 1.0
// each.
flow set(warp& w, const instruction& i, u32 mask) {
  u32 r = stored_comparison(i)(w, i.a, i.b);
  if (i.small[0] != 0) r = combined(r, i.small[0], *w.at<u32>(i.c));
  u32* d = w.at<u32>(i.d);
  const u32 on = u32(i.target), keep = i.small[1] != 0 ? 0x0000ffffu : 0;
  for (u32 m = mask; m != 0; m &= m - 1) {
    const unsigned l = unsigned(std::countr_zero(m));
    const u32 value = (r >> l & 1) != 0 ? on : 0;
    d[l] = keep != 0 ? (d[l] & keep) | value << 16 : value;
  }
  return flow::next;
}

void decode_set(decoder& d, line& l) {
  const auto name = l.take_any(comparison_names);
  const auto how = l.take_any({"and", "or", "xor"});
  const bool ftz = l.take("ftz");
  const type result = l.take_type(), t = l.take_type();
  const auto a = d.source(l, l.at(1), t), b = d.source(l, l.at(2), t);
  operand c;
  if (!how.empty()) c = d.predicate_source(l, l.at(3));
  const auto combine = std::uint8_t(how == "and" ? 1 : how == "or" ? 2 : how == "xor" ? 3 : 0);
  u32 on = ~u32{0};
  if (result == type::f32) on = std::bit_cast<u32>(1.0f);
  if (result == type::f16 || result == type::f16x2) on = 0x3c00;
  if (result == type::bf16 || result == type::bf16x2) on = 0x3f80;
  if (bytes_of(result) == 2 && on > 0xffff) on = 0xffff;
  const bool packed = t == type::f16x2 || t == type::bf16x2;
  if (packed && on > 0xffff) on = 0xffff;
  const auto dest = d.destination(l, l.at(0), result);
  if (packed) {
    // Both halves go through a temporary: the destination may be a source.
    const auto made = d.temporary(4);
    auto& low = d.emit(l, set, kind_of(t), made, a, b, c);
    low.offset = storable(comparison_of(l, t, name, ftz));
    low.small[0] = combine;
    low.target = on;
    auto& high = d.emit_helper(l, set, made, a, b);
    high.c = c;
    high.offset = storable(comparison_of(l, t, name, ftz, true));
    high.small[0] = combine;
    high.small[1] = 1;
    high.target = on;
    d.emit_helper(
        l,
        [](warp& w, const instruction& i, u32 mask) {
          return map<u32, u32>(
              w, i, mask, [](u32 x) { return x; }, i.a);
        },
        dest, made);
    return;
  }
  auto& made = d.emit(l, set, kind_of(t), dest, a, b, c);
  made.offset = storable(comparison_of(l, t, name, ftz));
  made.small[0] = combine;
  made.target = on;
}

template <class T>
flow select(warp& w, const instruction& i, u32 mask) {
  const u32 p = *w.at<u32>(i.c);
  const T *a = w.at<T>(i.a), *b = w.at<T>(i.b);
  T* d = w.at<T>(i.d);
#pragma GCC ivdep
  for (unsigned l = 0; l < lanes; ++l) {
    const T r = (p >> l & 1) != 0 ? a[l] : b[l];
    d[l] = (mask >> l & 1) != 0 ? r : d[l];
  }
  return flow::next;
}
flow select_predicate(warp& w, const instruction& i, u32 mask) {
  const u32 p = *w.at<u32>(i.c);
  write_mask(w, i.d, mask, (*w.at<u32>(i.a) & p) | (*w.at<u32>(i.b) & ~p));
  return flow::next;
}
void decode_selp(decoder& d, line& l) {
  const type t = l.take_type();
  if (t == type::pred) {
    const auto a = d.predicate_source(l, l.at(1)), b = d.predicate_source(l, l.at(2)),
               c = d.predicate_source(l, l.at(3));
    d.emit(l, select_predicate, instruction_kind::integer, d.predicate_destination(l, l.at(0)), a, b, c);
    return;
  }
  const auto a = d.source(l, l.at(1), t), b = d.source(l, l.at(2), t), c = d.predicate_source(l, l.at(3));
  d.emit(l, bytes_of(t) == 8 ? select<u64> : select<u32>, instruction_kind::integer, d.destination(l, l.at(0), t), a, b,
         c);
}

template <class T, class C>
flow select_by_sign(warp& w, const instruction& i, u32 mask) {
  return map<T, T, T, C>(
      w, i, mask, [](T a, T b, C c) { return c >= C(0) ? a : b; }, i.a, i.b, i.c);
}
void decode_slct(decoder& d, line& l) {
  l.take("ftz");  // -0 and a flushed negative subnormal both select a
  const type t = l.take_type(), chooser = l.take_type();
  const auto a = d.source(l, l.at(1), t), b = d.source(l, l.at(2), t), c = d.source(l, l.at(3), chooser);
  const bool wide = bytes_of(t) == 8, by_float = chooser == type::f32;
  const handler h = wide       ? by_float ? select_by_sign<u64, float> : select_by_sign<u64, s32>
                          : by_float ? select_by_sign<u32, float>
                               : select_by_sign<u32, s32>;
  d.emit(l, h, instruction_kind::integer, d.destination(l, l.at(0), t), a, b, c);
}

constexpr opcode_row rows[] = {
    {"setp", decode_setp},
    {"set", decode_set},
    {"selp", decode_selp},
    {"slct", decode_slct},
};

}  // namespace

std::span<const opcode_row> compare_opcodes() { return rows; }

}  // namespace sim::ptx
