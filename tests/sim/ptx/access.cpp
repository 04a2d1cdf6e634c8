// SPDX-License-Identifier: Apache-2.0
#include "access.hpp"

#include <algorithm>
#include <bit>

#include "bits.hpp"
#include "traffic.hpp"

namespace sim::ptx {
namespace {

using u32 = std::uint32_t;
using u64 = std::uint64_t;

std::string bytes_text(unsigned n) { return std::to_string(n) + (n == 1 ? " byte" : " bytes"); }

u32 aligned_lanes(warp& w, const instruction& i, const request& r, const u64* address, u64 window) {
  u64 low = 0;
  for (unsigned l = 0; l < lanes; ++l) low |= (r.mask >> l & 1) != 0 ? address[l] : 0;
  if ((low & (r.width - 1)) == 0) return r.mask;
  u32 good = r.mask;
  each_lane(r.mask, [&](unsigned l) {
    if ((address[l] & (r.width - 1)) == 0) return;
    good &= ~(u32{1} << l);
    raise(w, i, l, fault_kind::misaligned, window | address[l],
          "an access of " + bytes_text(r.width) + " needs a multiple of that as its address");
  });
  return good;
}

u64* touched_bits(std::unique_ptr<u64[]>& bits, const region& r) {
  if (!bits) bits = std::make_unique<u64[]>((r.end - r.begin) / 64 + 1);
  return bits.get();
}

void check_dependent(warp& w, const instruction& i, const request& r, const u64* address, u32 mask) {
  const auto overlaps = [&](const std::vector<range>& ranges, u64 a) {
    const auto at = std::partition_point(ranges.begin(), ranges.end(), [&](const range& one) { return one.end <= a; });
    return at != ranges.end() && at->begin < a + r.width;
  };
  const auto& launch = *w.launch;
  each_lane(mask & ~w.waited, [&](unsigned l) {
    if (overlaps(launch.in_flight_writes, address[l]))
      raise(w, i, l, fault_kind::early_dependent_access, address[l],
            "an earlier kernel in flight writes these bytes; griddepcontrol.wait must come first");
    else if (r.what != intent::load && overlaps(launch.in_flight_reads, address[l]))
      raise(w, i, l, fault_kind::early_dependent_access, address[l],
            "an earlier kernel in flight reads these bytes; griddepcontrol.wait must come before the write");
  });
  if (launch.outlasting_writes.empty() && launch.outlasting_reads.empty()) return;
  each_lane(mask, [&](unsigned l) {
    if (overlaps(launch.outlasting_writes, address[l]) ||
        (r.what != intent::load && overlaps(launch.outlasting_reads, address[l])))
      raise(w, i, l, fault_kind::early_dependent_access, address[l],
            "a kernel before the one before touches these bytes and may still run: the kernel between the two must "
            "execute griddepcontrol.wait too");
  });
}

void check_race(warp& w, const instruction& i, const request& r, const u64* address, u32 mask, const region& where,
                shape how) {
  auto& shadow = *w.launch->races;
  auto& block = *w.block;
  const auto self = u32(block.linear);
  const auto report_conflict = [&](unsigned l, const global_shadow::conflict& c) {
    const dim& g = w.launch->how->grid;
    const std::string other = std::string("(") + std::to_string(c.other % g.x) + "," +
                              std::to_string(c.other / g.x % g.y) + "," + std::to_string(c.other / g.x / g.y) + ")";
    raise(w, i, l, fault_kind::global_race, address[l],
          std::string("block ") + other + (c.with_write ? " wrote" : " read") +
              " these bytes, and no fence with a synchronising store and load orders the two");
  };
  using kind = global_shadow::access;
  if (!r.synchronising || r.within_block) {
    const bool write = r.what != intent::load;
    const unsigned first = unsigned(std::countr_zero(mask));
    if (how == shape::contiguous) {
      if (const auto c =
              shadow.touch_run(self, block.clock, where.index, address[0] - where.begin, u64{lanes} * r.width, write);
          c.found)
        report_conflict(unsigned((std::max(c.offset, address[0] - where.begin) - (address[0] - where.begin)) / r.width),
                        c);
      return;
    }
    const u32 each = how == shape::uniform ? u32{1} << first : mask;
    each_lane(each, [&](unsigned l) {
      const auto c = shadow.touch(self, block.clock, where.index, address[l] - where.begin, r.width,
                                  write ? kind::write : kind::read);
      if (c.found) report_conflict(l, c);
    });
    return;
  }
  if (r.releases) global_shadow::release_fence(block.clock);
  const kind what = r.what == intent::load    ? kind::synchronising_read
                    : r.what == intent::store ? kind::synchronising_write
                                              : kind::atomic;
  const u32 each = how == shape::uniform ? mask & (0 - mask) : mask;
  each_lane(each, [&](unsigned l) {
    if (r.what != intent::store) shadow.acquire(block.clock, self, address[l], r.acquires);
    const auto c = shadow.touch(self, block.clock, where.index, address[l] - where.begin, r.width, what);
    if (c.found) report_conflict(l, c);
    if (r.what != intent::load) shadow.release(block.clock, self, address[l]);
  });
}

void in_region(warp& w, const instruction& i, const request& r, const u64* address, u32 mask, const region& where,
               resolved& out) {
  const auto& launch = *w.launch;
  auto& work = *w.work;
  if (where.read_only && r.what != intent::load) {
    each_lane(mask, [&](unsigned l) {
      raise(w, i, l, fault_kind::read_only, address[l], "constant variables cannot be written by a kernel");
    });
    return;
  }
  out.mask |= mask;
  const u64 delta = reinterpret_cast<u64>(where.data) - where.begin;
  for (unsigned l = 0; l < lanes; ++l)
    if ((mask >> l & 1) != 0) out.at[l] = reinterpret_cast<std::byte*>(address[l] + delta);
  if (r.where == space::constant) return;
  const shape how = shape_of(address, mask, r.width);
  if (how == shape::contiguous) out.contiguous = true;
  if (r.what != intent::load) ++work.changes;
  if (r.what == intent::store) w.block->polls = 0;
  if (r.synchronising && r.what != intent::store) poll(w);
  const auto spans = [&](auto&& f) {  // f(lane, offset, bytes) for each distinct run of bytes that is cheap to find
    if (how == shape::contiguous) return f(0u, address[0] - where.begin, u64{lanes} * r.width);
    if (how == shape::uniform) {
      const unsigned l = unsigned(std::countr_zero(mask));
      return f(l, address[l] - where.begin, u64{r.width});
    }
    each_lane(mask, [&](unsigned l) { f(l, address[l] - where.begin, u64{r.width}); });
  };
  if (launch.traffic && r.counted != accounting::none) {
    auto& touch = work.touches[where.index];
    if (r.counted == accounting::bytes) {
      // The instruction counts itself.
    } else if (r.what == intent::atomic) {
      work.counts.atomics += u64(std::popcount(mask));
    } else {
      auto& t = r.what == intent::load ? work.counts.loads : work.counts.stores;
      count_traffic(t, address, mask, r.width, how);
      auto& widths = r.what == intent::load ? work.counts.load_widths : work.counts.store_widths;
      widths[std::size_t(std::countr_zero(r.width))] += u64(std::popcount(mask));
    }
    if (r.what != intent::store) {
      u64* bits = touched_bits(touch.read, where);
      spans([&](unsigned, u64 offset, u64 bytes) { set_bits(bits, offset, bytes); });
    }
    if (r.what != intent::load) {
      u64* bits = touched_bits(touch.written, where);
      spans([&](unsigned, u64 offset, u64 bytes) { set_bits(bits, offset, bytes); });
    }
  }
  if (where.written != nullptr) {
    if (r.what != intent::store && launch.initialised)
      spans([&](unsigned l, u64 offset, u64 bytes) {
        if (all_bits(where.written, offset, bytes)) return;
        if (bytes > r.width)  // find the lane
          while (all_bits(where.written, offset, r.width)) offset += r.width, ++l;
        raise(w, i, l, fault_kind::unwritten, address[l],
              "nothing wrote byte " + std::to_string(offset) + " of the allocation of " +
                  std::to_string(where.end - where.begin) + " bytes");
      });
    if (r.what != intent::load)
      spans([&](unsigned, u64 offset, u64 bytes) { set_bits_shared(where.written, offset, bytes); });
  }
  if (r.counted == accounting::none) return;
  if (launch.dependent) check_dependent(w, i, r, address, mask);
  if (launch.global_races) check_race(w, i, r, address, mask, where, how);
}

void global_request(warp& w, const instruction& i, const request& r, const u64* address, resolved& out) {
  u32 mask = aligned_lanes(w, i, r, address, 0);
  if (mask == 0) return;
  u64 low = ~u64{0}, high = 0;
  for (unsigned l = 0; l < lanes; ++l) {
    low = std::min(low, (mask >> l & 1) != 0 ? address[l] : ~u64{0});
    high = std::max(high, (mask >> l & 1) != 0 ? address[l] : 0);
  }
  const region* last = w.work->last;
  if (last == nullptr || low < last->begin || high + r.width > last->end || high + r.width < high) {
    last = w.launch->find(low);
    if (last != nullptr) w.work->last = last;
  }
  if (last != nullptr && low >= last->begin && high + r.width <= last->end && high + r.width > high)
    return in_region(w, i, r, address, mask, *last, out);
  // Lanes in several allocations, or outside of all.
  while (mask != 0) {
    const unsigned l = unsigned(std::countr_zero(mask));
    const region* found = w.launch->find(address[l]);
    if (found == nullptr || address[l] + r.width > found->end) {
      mask &= ~(u32{1} << l);
      std::string where = "the address lies in no live allocation";
      if (found != nullptr)
        where = bytes_text(r.width) + " at byte " + std::to_string(address[l] - found->begin) +
                " of an allocation of " + std::to_string(found->end - found->begin);
      raise(w, i, l, fault_kind::out_of_bounds, address[l], where);
      continue;
    }
    u32 together = 0;
    each_lane(mask, [&](unsigned k) {
      if (address[k] >= found->begin && address[k] + r.width <= found->end) together |= u32{1} << k;
    });
    in_region(w, i, r, address, together, *found, out);
    out.contiguous = out.contiguous && together == r.mask;
    mask &= ~together;
  }
}

u32 in_shared_bounds(warp& w, const instruction& i, const request& r, const u64* address, u32 mask) {
  const std::size_t size = w.block->shared.size();
  u64 high = 0;
  for (unsigned l = 0; l < lanes; ++l) high = std::max(high, (mask >> l & 1) != 0 ? address[l] : 0);
  if (high <= size && r.width <= size - high) return mask;
  each_lane(mask, [&](unsigned l) {
    if (address[l] <= size && r.width <= size - address[l]) return;
    mask &= ~(u32{1} << l);
    raise(w, i, l, fault_kind::out_of_bounds, shared_window | address[l],
          bytes_text(r.width) + " at byte " + std::to_string(address[l]) + " of the block's " + std::to_string(size) +
              " bytes of shared memory");
  });
  return mask;
}

void check_in_flight(warp& w, const instruction& i, const request& r, const u64* address, u32 mask) {
  const auto& block = *w.block;
  each_lane(mask, [&](unsigned l) {
    if ((block.shared_in_flight[address[l] / 64] & aligned_mask(address[l], r.width)) == 0) return;
    for (std::size_t k = 0; k < block.warps.size(); ++k)
      for (const auto& copy : block.warps[k].pending)
        if (address[l] < copy.shared_offset + copy.bytes && copy.shared_offset < address[l] + r.width)
          return raise(w, i, l, fault_kind::async_read, shared_window | address[l],
                       "a cp.async of thread " + std::to_string(k * lanes + copy.lane) +
                           " that was not waited for still writes these bytes");
  });
}

void shared_request(warp& w, const instruction& i, const request& r, const u64* address, resolved& out) {
  auto& block = *w.block;
  const auto& launch = *w.launch;
  const u32 mask = in_shared_bounds(w, i, r, address, aligned_lanes(w, i, r, address, shared_window));
  if (mask == 0) return;
  if (r.what != intent::load) ++w.work->changes;
  std::byte* const base = block.shared.data();
  for (unsigned l = 0; l < lanes; ++l) out.at[l] = (mask >> l & 1) != 0 ? base + address[l] : base;
  out.mask |= mask;
  const shape how = shape_of(address, mask, r.width);
  out.contiguous = how == shape::contiguous;
  if (launch.traffic && r.counted == accounting::full) {
    ++w.work->counts.shared_requests;
    if (how == shape::scattered) w.work->counts.bank_conflicts += extra_wavefronts(address, mask, r.width);
  }
  if (launch.async_copies && r.what != intent::store && block.copies_in_flight != 0)
    check_in_flight(w, i, r, address, mask);
  // Where all lanes mean one place, one of them stands for all.
  const u32 each = how == shape::uniform ? mask & (0 - mask) : mask;
  if (launch.initialised) {
    auto* bits = block.shared_written.data();
    if (r.what != intent::store)
      each_lane(each, [&](unsigned l) {
        const u64 need = aligned_mask(address[l], r.width);
        if ((bits[address[l] / 64] & need) != need)
          raise(w, i, l, fault_kind::unwritten, shared_window | address[l],
                "nothing in this block wrote byte " + std::to_string(address[l]) + " of its shared memory");
      });
    if (r.what != intent::load)
      each_lane(each, [&](unsigned l) { bits[address[l] / 64] |= aligned_mask(address[l], r.width); });
  }
  if (launch.shared_races && r.counted != accounting::none) {
    using kind = shared_shadow::access;
    const kind what = r.what == intent::load ? (r.synchronising ? kind::synchronising_read : kind::read)
                      : r.synchronising      ? kind::atomic
                                             : kind::write;
    // A second lane tells that there are several.
    const u32 touching = what != kind::read ? mask : each | (mask & (mask - 1) & (0 - (mask & (mask - 1))));
    each_lane(how == shape::uniform ? touching : mask, [&](unsigned l) {
      const auto c = block.races.touch(w.index * lanes + l, w.sync_epoch, address[l], r.width, what);
      if (c.found)
        raise(w, i, l, fault_kind::shared_race, shared_window | address[l],
              (c.some_lane ? "a thread of warp " + std::to_string(c.other / lanes)
                           : "thread " + std::to_string(c.other)) +
                  (c.with_write ? " wrote" : " read") + " these bytes with no barrier in between");
    });
  }
}

}  // namespace

void resolve(warp& w, const instruction& i, const request& r, u64* address, resolved& out) {
  out.mask = 0;
  out.contiguous = false;
  if (r.mask == 0) return;
  switch (r.where) {
    case space::global:
    case space::constant:
      return global_request(w, i, r, address, out);
    case space::shared:
      return shared_request(w, i, r, address, out);
    case space::local: {
      u32 mask = aligned_lanes(w, i, r, address, local_window);
      if (w.launch->traffic && r.counted == accounting::full) w.work->counts.local_accesses += u64(std::popcount(mask));
      each_lane(mask, [&](unsigned l) {
        if (address[l] <= w.local_bytes && r.width <= w.local_bytes - address[l]) {
          out.at[l] = w.local + std::size_t{l} * w.local_stride + address[l];
          out.mask |= u32{1} << l;
        } else {
          raise(w, i, l, fault_kind::out_of_bounds, local_window | address[l],
                bytes_text(r.width) + " at byte " + std::to_string(address[l]) + " of the thread's " +
                    std::to_string(w.local_bytes) + " bytes of local memory");
        }
      });
      return;
    }
    case space::parameter: {
      const u32 mask = aligned_lanes(w, i, r, address, parameter_window);
      const auto& bytes = w.launch->parameters;
      each_lane(mask, [&](unsigned l) {
        if (r.what != intent::load)
          raise(w, i, l, fault_kind::read_only, parameter_window | address[l], "kernel parameters cannot be written");
        else if (address[l] <= bytes.size() && r.width <= bytes.size() - address[l])
          out.at[l] = const_cast<std::byte*>(bytes.data()) + address[l], out.mask |= u32{1} << l;
        else
          raise(w, i, l, fault_kind::out_of_bounds, parameter_window | address[l],
                bytes_text(r.width) + " at byte " + std::to_string(address[l]) + " of " + std::to_string(bytes.size()) +
                    " bytes of parameters");
      });
      return;
    }
    case space::generic:
    case space::none:
      break;
  }
  // Generic: the lanes of each window by themselves.
  u32 left = r.mask;
  bool contiguous = false;
  while (left != 0) {
    const u64 window = address[std::countr_zero(left)] & window_mask;
    u32 same = 0;
    each_lane(left, [&](unsigned l) {
      if ((address[l] & window_mask) == window) same |= u32{1} << l;
    });
    request part = r;
    part.mask = same;
    part.where = window == shared_window      ? space::shared
                 : window == local_window     ? space::local
                 : window == parameter_window ? space::parameter
                                              : space::global;
    if (part.where != space::global) each_lane(same, [&](unsigned l) { address[l] &= ~window_mask; });
    resolved some;
    resolve(w, i, part, address, some);
    for (unsigned l = 0; l < lanes; ++l)
      if ((some.mask >> l & 1) != 0) out.at[l] = some.at[l];
    out.mask |= some.mask;
    contiguous = some.contiguous && same == r.mask;
    left &= ~same;
  }
  out.contiguous = contiguous;
}

}  // namespace sim::ptx
