// SPDX-License-Identifier: Apache-2.0
// The state of a block: made once for each that is resident, and begun anew for each of the grid.
#include <algorithm>
#include <cstring>

#include "decode.hpp"
#include "scheduler.hpp"

namespace sim::ptx {
namespace {
using u32 = std::uint32_t;
using u64 = std::uint64_t;
constexpr unsigned multiprocessors = 132;
/// What registers and local memory hold before anything is written to them: no number in any format, and no address.
constexpr int poison = 0xff;
}  // namespace

std::unique_ptr<block_state> make_block(worker& work) {
  auto& launch = *work.launch;
  const auto& code = *launch.code;
  if (!work.idle.empty()) {
    auto reused = std::move(work.idle.back());
    work.idle.pop_back();
    return reused;
  }
  auto block = std::make_unique<block_state>();
  const dim& size = launch.how->block;
  block->threads = launch.block_threads;
  const std::size_t warps = (block->threads + lanes - 1) / lanes;
  const std::size_t registers = (code.register_bytes + 63) / 64 * 64;
  const std::size_t local_stride = (code.local_bytes + 15) / 16 * 16;
  const std::size_t local = (local_stride * lanes + 63) / 64 * 64;
  const std::size_t coordinate_bytes = thread_coordinates * 256;
  block->storage.resize(block_coordinates * 256 + warps * (registers + local + coordinate_bytes) + 64);
  auto* at = reinterpret_cast<std::byte*>((reinterpret_cast<std::uintptr_t>(block->storage.data()) + 63) &
                                          ~std::uintptr_t{63});
  block->coordinates = at;
  at += block_coordinates * 256;
  block->warps.resize(warps);
  for (std::size_t k = 0; k < warps; ++k) {
    auto& w = block->warps[k];
    w.index = u32(k);
    w.block = block.get();
    w.work = &work;
    w.launch = &launch;
    w.present = block->threads - k * lanes >= lanes ? all_lanes : (u32{1} << (block->threads - k * lanes)) - 1;
    w.banks[unsigned(bank::registers)] = at;
    at += registers;
    w.register_bytes = registers;
    w.local = at;
    w.local_bytes = code.local_bytes;
    w.local_stride = local_stride;
    at += local;
    w.banks[unsigned(bank::thread)] = at;
    at += coordinate_bytes;
    w.banks[unsigned(bank::constants)] = const_cast<std::byte*>(code.constants_begin());
    w.banks[unsigned(bank::block)] = block->coordinates;
    for (unsigned l = 0; l < lanes; ++l) {
      const u32 linear = u32(k * lanes + l);
      const u32 values[] = {linear % size.x,
                            linear / size.x % size.y,
                            linear / size.x / size.y,
                            l,
                            u32(k),
                            u32{1} << l,
                            (u32{2} << l) - 1,
                            (u32{1} << l) - 1,
                            ~((u32{1} << l) - 1),
                            ~((u32{2} << l) - 1)};
      for (std::size_t v = 0; v < std::size(values); ++v)
        std::memcpy(w.banks[unsigned(bank::thread)] + v * 256 + l * 4, &values[v], 4);
    }
  }
  block->shared.resize(code.shared_bytes + launch.dynamic_shared);
  block->shared_written.resize(block->shared.size() / 64 + 1);
  block->shared_in_flight.resize(block->shared.size() / 64 + 1);
  return block;
}

void begin_block(block_state& block, u64 linear, launch_state& launch) {
  const dim& grid = launch.how->grid;
  block.linear = linear;
  block.index = {unsigned(linear % grid.x), unsigned(linear / grid.x % grid.y), unsigned(linear / grid.x / grid.y)};
  const dim& size = launch.how->block;
  const u32 values[] = {block.index[0],
                        block.index[1],
                        block.index[2],
                        grid.x,
                        grid.y,
                        grid.z,
                        size.x,
                        size.y,
                        size.z,
                        u32(linear % multiprocessors),
                        multiprocessors,
                        64,
                        0,
                        u32(launch.dynamic_shared),
                        u32(block.shared.size()),
                        0};
  for (std::size_t v = 0; v < std::size(values); ++v) {
    auto* at = reinterpret_cast<u32*>(block.coordinates + v * 256);
    std::fill(at, at + (v == 12 ? 64 : 32), values[v]);
  }
  std::fill(block.shared_written.begin(), block.shared_written.end(), 0);
  std::fill(block.shared_in_flight.begin(), block.shared_in_flight.end(), 0);
  if (launch.shared_races) block.races.begin(block.shared.size(), launch.code->shared_granule, u32(block.warps.size()));
  block.copies_in_flight = 0;
  block.barriers = {};
  block.exited = 0;
  block.printed.clear();
  block.clock = {};
  for (auto& w : block.warps) {
    w.exited = 0;
    w.active = 0;
    w.depth = 0;
    w.forced = false;
    w.carry = 0;
    w.sync_epoch = 1;
    w.waited = 0;
    w.issued = 0;
    w.fuel = 0;
    w.async_group = {};
    w.pending.clear();
    // Nothing of the block before may show.
    std::memset(w.banks[unsigned(bank::registers)], poison, w.register_bytes);
    std::memset(w.local, poison, w.local_stride * lanes);
    group all;
    all.mask = w.present;
    w.groups.assign(1, all);
  }
}

}  // namespace sim::ptx
