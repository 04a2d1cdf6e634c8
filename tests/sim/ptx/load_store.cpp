// SPDX-License-Identifier: Apache-2.0
// Loads, stores, prefetches.
#include <cstring>

#include "access.hpp"
#include "decode.hpp"
#include "lanes.hpp"
#include "load_store.hpp"

namespace sim::ptx {

space take_space(line& l) {
  const auto where =
      l.take_any({"global", "shared", "shared::cta", "local", "const", "param", "param::entry", "param::func"});
  if (where == "global") return space::global;
  if (where == "shared" || where == "shared::cta") return space::shared;
  if (where == "local") return space::local;
  if (where == "const") return space::constant;
  if (where.empty()) return space::generic;
  return space::parameter;
}

ordering take_ordering(line& l) {
  ordering o;
  const auto how = l.take_any({"volatile", "relaxed", "acquire", "release", "acq_rel"});
  o.synchronising = !how.empty();
  o.acquires = how == "acquire" || how == "acq_rel";
  o.releases = how == "release" || how == "acq_rel";
  l.take("weak");
  // A cluster is one block.
  const auto scope = l.take_any({"cta", "cluster", "gpu", "sys"});
  o.within_block = scope == "cta" || scope == "cluster";
  return o;
}

void take_cache_hints(line& l) {
  l.take_any({"ca", "cg", "cs", "lu", "cv", "wb", "wt"});
  l.take("nc");
  std::erase_if(l.modifiers, [](std::string_view m) { return m.substr(0, 4) == "L1::" || m.substr(0, 4) == "L2::"; });
}

namespace {

// instruction::small of loads and stores.
enum { count_at = 0, space_at = 1, order_at = 2, width_at = 3, base_at = 4 };

request request_of(const instruction& i, u32 mask, intent what) {
  request r;
  r.mask = mask;
  r.width = i.small[width_at];
  r.what = what;
  r.where = space(i.small[space_at]);
  r.synchronising = (i.small[order_at] & 1) != 0;
  r.releases = (i.small[order_at] & 2) != 0;
  r.acquires = (i.small[order_at] & 4) != 0;
  r.within_block = (i.small[order_at] & 8) != 0;
  return r;
}

template <class T, class S>
flow load(warp& w, const instruction& i, u32 mask) {
  alignas(64) u64 address[lanes];
  addresses(w, i, address);
  resolved found;
  const request r = request_of(i, mask, intent::load);
  resolve(w, i, r, address, found);
  const operand* to = i.small[count_at] == 1 ? &i.d : w.launch->code->operands.data() + i.target;
  for (unsigned k = 0; k < i.small[count_at]; ++k) {
    S* d = w.at<S>(to[k]);
    if (found.contiguous && sizeof(T) == sizeof(S) && i.small[count_at] == 1) {
      std::memcpy(d, found.at[0], sizeof(S) * lanes);
      return flow::next;
    }
    const auto one = [&](unsigned l) {
      T value;
      std::memcpy(&value, found.at[l] + k * sizeof(T), sizeof(T));
      using wide = std::conditional_t<std::is_signed_v<T>, std::make_signed_t<S>, S>;
      d[l] = S(wide(value));
    };
    if (found.mask == all_lanes) {
      for (unsigned l = 0; l < lanes; ++l) one(l);
    } else {
      for (u32 m = found.mask; m != 0; m &= m - 1) one(unsigned(std::countr_zero(m)));
      for (u32 m = mask & ~found.mask; m != 0; m &= m - 1) d[std::countr_zero(m)] = 0;  // at fault
    }
  }
  return flow::next;
}

template <class T, class S>
flow store(warp& w, const instruction& i, u32 mask) {
  alignas(64) u64 address[lanes];
  addresses(w, i, address);
  resolved found;
  resolve(w, i, request_of(i, mask, intent::store), address, found);
  const operand* from = i.small[count_at] == 1 ? &i.d : w.launch->code->operands.data() + i.target;
  if (found.contiguous && sizeof(T) == sizeof(S) && i.small[count_at] == 1) {
    std::memcpy(found.at[0], w.at<S>(i.d), sizeof(S) * lanes);
    return flow::next;
  }
  // Lane by lane, so that of lanes that write one place the last one wins whole.
  for (u32 m = found.mask; m != 0; m &= m - 1) {
    const unsigned l = unsigned(std::countr_zero(m));
    for (unsigned k = 0; k < i.small[count_at]; ++k) {
      const T value = T(w.at<S>(from[k])[l]);
      std::memcpy(found.at[l] + k * sizeof(T), &value, sizeof(T));
    }
  }
  return flow::next;
}

/// ld.param of a kernel: one value for all lanes, from a place known when decoding.
template <class T, class S>
flow load_parameter(warp& w, const instruction& i, u32 mask) {
  const operand* to = i.small[count_at] == 1 ? &i.d : w.launch->code->operands.data() + i.target;
  for (unsigned k = 0; k < i.small[count_at]; ++k) {
    T value;
    std::memcpy(&value, w.launch->parameters.data() + i.offset + k * sizeof(T), sizeof(T));
    using wide = std::conditional_t<std::is_signed_v<T>, std::make_signed_t<S>, S>;
    const S whole = S(wide(value));
    S* d = w.at<S>(to[k]);
    for (unsigned l = 0; l < lanes; ++l) d[l] = (mask >> l & 1) != 0 ? whole : d[l];
  }
  return flow::next;
}

enum class form { load, store, parameter };
template <class T, class S>
handler form_of(form f) {
  return f == form::load ? load<T, S> : f == form::store ? store<T, S> : load_parameter<T, S>;
}
template <class S>
handler handler_of(const line& l, type t, form f) {
  switch (t) {
    case type::b8:
    case type::u8:
      return form_of<u8, S>(f);
    case type::s8:
      return form_of<s8, S>(f);
    case type::s16:
      return form_of<s16, S>(f);
    case type::s32:
      return form_of<s32, S>(f);
    default:
      break;
  }
  switch (bytes_of(t)) {
    case 2:
      return form_of<u16, S>(f);
    case 4:
      return form_of<u32, S>(f);
    case 8:
      if constexpr (sizeof(S) == 8) return form_of<u64, S>(f);
      [[fallthrough]];
    default:
      l.fail("a register of this width cannot hold the type");
  }
}

void decode_access(decoder& d, line& l, bool is_store) {
  const space named = take_space(l);
  const auto order = take_ordering(l);
  take_cache_hints(l);
  l.take("unified");
  unsigned count = 1;
  if (const auto vector = l.take_any({"v2", "v4", "v8"}); !vector.empty()) count = unsigned(vector[1] - '0');
  type t = l.take_type();
  if (t == type::none) l.fail("a type is expected");
  const auto address = d.memory_operand(l, l.at(is_store ? 0 : 1));
  const auto value_text = l.at(is_store ? 1 : 0);
  auto texts = decoder::vector_elements(value_text);
  if (texts.size() != count) l.fail("the vector has another number of elements");

  // The slot of the values: that of their registers, which may be wider than the type.
  unsigned slot = bytes_of(t) == 8 || bytes_of(t) == 16 ? 8 : 4;
  for (const auto text : texts)
    if (d.register_bytes(text) == 8) slot = 8;
  std::vector<operand> values;
  const type whole = slot == 8 ? type::b64 : type::b32;
  for (const auto text : texts) {
    if (t == type::b128) {
      const auto low = is_store ? d.source(l, text, type::b128) : d.destination(l, text, type::b128);
      values.push_back(low);
      values.push_back({low.bits + 256});
      continue;
    }
    values.push_back(is_store ? d.source(l, text,
                                         d.register_bytes(text) != 0 ? whole
                                         : bytes_of(t) == slot       ? t
                                                                     : whole)
                              : d.destination(l, text, whole));
  }
  if (t == type::b128) t = type::b64, count = 2;

  space where = named;
  if (named == space::parameter && (address.where == space::local || (!d.in_entry() && address.base)))
    where = space::local;
  if (named == space::generic && address.where != space::none) where = address.where;
  const unsigned width = bytes_of(t) * count;
  const bool fixed_parameter = where == space::parameter && !address.base && !is_store;
  const form f = is_store ? form::store : fixed_parameter ? form::parameter : form::load;
  const handler h = slot == 8 ? handler_of<u64>(l, t, f) : handler_of<u32>(l, t, f);
  const auto first = count > 1 ? d.list(values) : 0;
  auto& made = d.emit(l, h, instruction_kind::memory, values[0], address.base.value_or(operand{}));
  made.target = first;
  made.offset = address.offset;
  made.small[count_at] = std::uint8_t(count);
  made.small[space_at] = std::uint8_t(where);
  made.small[order_at] = order.bits();
  made.small[width_at] = std::uint8_t(width);
  made.small[base_at] = std::uint8_t(address.base ? address.base_bytes : 0);
  if (where == space::shared || where == space::generic) d.note_shared_width(width);
  if (where == space::global || where == space::generic) {
    d.note_global_width(width);
    if (order.synchronising && !is_store) d.communicates();
  }
}

void decode_ld(decoder& d, line& l) { decode_access(d, l, false); }
void decode_st(decoder& d, line& l) { decode_access(d, l, true); }

/// Prefetches and other hints change nothing here.
void decode_hint(decoder& d, line& l) {
  l.modifiers.clear();
  d.emit(
      l, [](warp&, const instruction&, u32) { return flow::next; }, instruction_kind::memory);
}

constexpr opcode_row rows[] = {
    {"ld", decode_ld},         {"ldu", decode_ld},         {"st", decode_st},
    {"prefetch", decode_hint}, {"prefetchu", decode_hint}, {"applypriority", decode_hint},
    {"discard", decode_hint},
};

}  // namespace

std::span<const opcode_row> memory_opcodes() { return rows; }

}  // namespace sim::ptx
