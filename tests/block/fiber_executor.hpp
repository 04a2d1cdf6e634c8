// SPDX-License-Identifier: Apache-2.0
// Runs compiled functions with blocks of fibers: each kernel is one block that visits all rows or tiles in turn, as a
// thread block of a grid that is smaller than the work does.
#pragma once
#include <cstring>
#include <fuse/exec/mode.hpp>
#include <fuse/exec/session.hpp>
#include <fuse/kernel/attention.hpp>
#include <fuse/kernel/map.hpp>
#include <fuse/kernel/row.hpp>
#include <fuse/kernel/tile.hpp>

#include "fibers.hpp"

namespace fibers {

/// The shape of a block, and the seed of its schedule.
struct shape {
  int size = 1, lanes = 1;
  unsigned seed = 0;
};

class executor {
 public:
  static constexpr fuse::modes built_with = fuse::modes::fused;

  explicit executor(shape s) : shape_(s) {}

  fuse::mode current_mode() const { return fuse::mode::fused; }
  fuse::buffer allocate(std::size_t bytes) { return fuse::allocate_host(bytes); }
  template <class Source>
  void run(const char* name, const fuse::argument* arguments, const fuse::argument* outputs) {
    fuse::session::run<Source>(*this, name, arguments, outputs);
  }
  template <class Which>
  void check_pointer(const Which&, const void*) {}
  void copy(const char*, char* to, const char* from, std::size_t bytes) { std::memcpy(to, from, bytes); }
  char* workspace(std::size_t bytes) { return grow(arena_, arena_bytes_, bytes); }

  /// What went wrong in all launches so far, and which families ran.
  const outcome& result() const { return result_; }
  bool ran(fuse::family f, bool held = false) const { return (ran_ >> (2 * int(f) + held) & 1) != 0; }

  template <class... P>
  void launch(const char*, const fuse::parts<P...>& all) {
    fuse::for_each_part(all, [&]<class Q>(const fuse::part<Q>& x) {
      if (x.any) launch_one<Q>(x.arguments);
    });
  }

 private:
  template <class P>
  void launch_one(const typename P::arguments& a) {
    constexpr int n = fuse::host_lanes;
    if constexpr (P::kind == fuse::family::map) {
      in_block(P::kind, false,
               [&](const block& b) { fuse::run_map<P, n>(b, a, b.rank(), fuse::map_packs<P>(a, n), b.size()); });
    } else if constexpr (P::kind == fuse::family::row) {
      const fuse::index length = fuse::length<P, P::outer>(a), capacity = (length + n - 1) / n * n;
      // A thread holds up to four packs, where they suffice for the row; else the row goes through scratch memory.
      const bool held = P::extent[P::outer] != fuse::dyn && capacity <= fuse::index(4) * n * shape_.size;
      char* scratch = grow(scratch_, scratch_bytes_, fuse::rows::scratch_bytes<P, fuse::host_values> * capacity);
      in_block(P::kind, held, [&](const block& b) {
        for (fuse::index row = 0; row < fuse::row_count<P>(a); ++row) {
          const auto place = fuse::place_of_row<P>(a, row);
          if constexpr (P::extent[P::outer] != fuse::dyn)
            if (held) {
              fuse::run_row<P, n, 4>(b, a, place, scratch, capacity);
              continue;
            }
          fuse::run_row<P, n, 0>(b, a, place, scratch, capacity);
        }
      });
    } else if constexpr (P::kind == fuse::family::tile) {
      char* scratch = grow(scratch_, scratch_bytes_, fuse::tiles::scratch_bytes<P, fuse::host_values>);
      in_block(P::kind, false, [&](const block& b) {
        for (fuse::index t = 0; t < fuse::tiles::count<P>(a); ++t) fuse::run_tile<P, n, n>(b, a, t, scratch);
      });
    } else {
      const fuse::index length = fuse::length<P, P::outer>(a), columns = fuse::length<P, P::column>(a);
      const fuse::index capacity = (length + n - 1) / n * n;
      using fuse::attentions::scratch_bytes;
      char* scratch =
          grow(scratch_, scratch_bytes_, scratch_bytes<P, fuse::host_values>(capacity, columns, shape_.size, n));
      in_block(P::kind, false, [&](const block& b) {
        for (fuse::index row = 0; row < fuse::row_count<P>(a); ++row)
          fuse::run_attention<P, n, n, n>(b, a, row, scratch, capacity);
      });
    }
  }
  template <class F>
  void in_block(fuse::family f, bool held, const F& body) {
    ran_ |= 1u << (2 * int(f) + held);
    const outcome o = fibers::run(shape_.size, shape_.lanes, shape_.seed, body);
    result_.races += o.races;
    if (!o.divergence.empty()) result_.divergence = o.divergence;
  }
  static char* grow(fuse::buffer& b, std::size_t& have, fuse::index bytes) {
    if (std::size_t(bytes) > have) {
      b = fuse::allocate_host(std::size_t(bytes));
      have = std::size_t(bytes);
    }
    return static_cast<char*>(b.data());
  }

  shape shape_;
  outcome result_;
  unsigned ran_ = 0;
  fuse::buffer arena_, scratch_;
  std::size_t arena_bytes_ = 0, scratch_bytes_ = 0;
};

}  // namespace fibers
