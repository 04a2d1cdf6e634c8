// SPDX-License-Identifier: Apache-2.0
// One launch from its checks to its report.
#include <algorithm>
#include <bit>
#include <exception>
#include <thread>

#include "decode.hpp"
#include "scheduler.hpp"
#include "state.hpp"

namespace sim {
namespace ptx {
namespace {

using u32 = std::uint32_t;
using u64 = std::uint64_t;
constexpr std::size_t largest_shared = 227 * 1024;

void add(global_traffic& to, const global_traffic& from) {
  to.requests += from.requests;
  to.sectors += from.sectors;
  to.requested_bytes += from.requested_bytes;
  to.useful_bytes += from.useful_bytes;
}

void collect(launch_state& launch, std::vector<worker>& workers) {
  auto& total = launch.result.counts;
  for (auto& work : workers) {
    launch.result.waited = launch.result.waited || work.waited;
    for (std::size_t k = 0; k < instruction_kinds; ++k) {
      total.thread_instructions[k] += work.thread_counts[k];
      total.warp_instructions[k] += work.warp_counts[k];
    }
    add(total.loads, work.counts.loads);
    add(total.stores, work.counts.stores);
    total.atomics += work.counts.atomics;
    for (std::size_t k = 0; k < total.load_widths.size(); ++k) {
      total.load_widths[k] += work.counts.load_widths[k];
      total.store_widths[k] += work.counts.store_widths[k];
    }
    total.shared_requests += work.counts.shared_requests;
    total.bank_conflicts += work.counts.bank_conflicts;
    total.local_accesses += work.counts.local_accesses;
    total.barriers += work.counts.barriers;
    total.divergent_branches += work.counts.divergent_branches;
  }
  if (!launch.traffic) return;
  const auto gather_bits = [&](const region& where, auto member, std::vector<range>& ranges) {
    const u64 words = (where.end - where.begin) / 64 + 1;
    u64 bytes = 0;
    bool any = false;
    for (const auto& work : workers) any = any || (work.touches[where.index].*member) != nullptr;
    if (!any) return bytes;
    const auto extend = [&](u64 begin, u64 end) {
      if (!ranges.empty() && ranges.back().end == begin)
        ranges.back().end = end;
      else
        ranges.push_back({begin, end});
    };
    for (u64 k = 0; k < words; ++k) {
      u64 bits = 0;
      for (const auto& work : workers)
        if (const auto& have = work.touches[where.index].*member) bits |= have[k];
      bytes += u64(std::popcount(bits));
      const u64 base = where.begin + k * 64;
      while (bits != 0) {
        const auto first = u64(std::countr_zero(bits));
        const auto length = u64(std::countr_one(bits >> first));
        extend(base + first, base + first + length);
        if (first + length >= 64) break;
        bits &= ~u64{0} << (first + length);
      }
    }
    return bytes;
  };
  for (const auto& where : launch.regions) {
    touched_bytes t;
    t.read = gather_bits(where, &touched::read, launch.result.read);
    t.written = gather_bits(where, &touched::written, launch.result.written);
    if (t.read == 0 && t.written == 0) continue;
    total.loads.distinct_bytes += t.read;
    total.stores.distinct_bytes += t.written;
    total.allocations.emplace(where.begin, t);
  }
}

void check_launch(const kernel& entry, const launch& how, const program& code, std::size_t parameter_bytes) {
  const auto bad = [&](const std::string& why) { throw error("sim: launch of " + entry.name + ": " + why); };
  const dim &g = how.grid, &b = how.block;
  if (g.size() == 0 || b.size() == 0) bad("the grid and the block need at least one element");
  if (b.size() > 1024 || b.x > 1024 || b.y > 1024 || b.z > 64)
    bad("a block of " + std::to_string(b.x) + "x" + std::to_string(b.y) + "x" + std::to_string(b.z) +
        " threads is too large (1024 in all, 1024x1024x64)");
  if (g.x > 0x7fffffffu || g.y > 65535 || g.z > 65535) bad("the grid is larger than 2147483647x65535x65535");
  if (entry.max_threads != 0 && b.size() > entry.max_threads)
    bad(std::to_string(b.size()) + " threads are more than its launch bound of " + std::to_string(entry.max_threads));
  if (entry.required_threads[0] != 0 && entry.required_threads != std::array<unsigned, 3>{b.x, b.y, b.z})
    bad("the block differs from its .reqntid");
  if (code.shared_bytes + how.dynamic_shared_bytes > largest_shared)
    bad(std::to_string(code.shared_bytes + how.dynamic_shared_bytes) + " bytes of shared memory are more than " +
        std::to_string(largest_shared));
  if (parameter_bytes < entry.parameter_bytes)
    bad(std::to_string(parameter_bytes) + " parameter bytes came, " + std::to_string(entry.parameter_bytes) +
        " are expected");
}

std::vector<range> in_order(std::vector<range> ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const range& a, const range& b) { return a.begin < b.begin; });
  std::vector<range> merged;
  for (const auto& r : ranges) {
    if (!merged.empty() && r.begin <= merged.back().end)
      merged.back().end = std::max(merged.back().end, r.end);
    else
      merged.push_back(r);
  }
  return merged;
}

}  // namespace

}  // namespace ptx

report run(const module& code, const kernel& entry, const launch& how, std::span<const std::byte> parameters,
           memory& device) {
  using namespace ptx;
  code.load(device);
  const auto decoded = code.inside()->program_of(entry, device);
  check_launch(entry, how, *decoded, parameters.size());
  launch_state launch;
  launch.code = decoded.get();
  launch.entry = &entry;
  launch.how = &how;
  launch.device = &device;
  launch.parameters.assign(parameters.begin(), parameters.begin() + std::ptrdiff_t(entry.parameter_bytes));
  launch.in_flight_writes = in_order(how.in_flight_writes);
  launch.in_flight_reads = in_order(how.in_flight_reads);
  launch.outlasting_writes = in_order(how.outlasting_writes);
  launch.outlasting_reads = in_order(how.outlasting_reads);
  launch.dynamic_shared = how.dynamic_shared_bytes;
  launch.block_threads = u32(how.block.size());
  launch.initialised = has(how.which, checks::initialised);
  launch.shared_races = has(how.which, checks::shared_races);
  launch.global_races = has(how.which, checks::global_races) && how.grid.size() > 1;
  launch.barriers = has(how.which, checks::barriers);
  launch.shuffles = has(how.which, checks::shuffles);
  launch.async_copies = has(how.which, checks::async_copies);
  launch.dependent =
      has(how.which, checks::dependent_reads) && !(how.in_flight_writes.empty() && how.in_flight_reads.empty() &&
                                                   how.outlasting_writes.empty() && how.outlasting_reads.empty());
  launch.traffic = has(how.which, checks::traffic);
  launch.holders = device.snapshot();
  std::vector<std::size_t> sizes;
  for (const auto& held : launch.holders) {
    launch.regions.push_back({held->address, held->address + held->bytes, held->data, held->written.get(),
                              held->read_only, launch.regions.size()});
    sizes.push_back(held->bytes);
  }
  const unsigned threads =
      decoded->communicates ? 1 : unsigned(std::min<u64>(std::max(1u, how.threads), how.grid.size()));
  if (launch.global_races) launch.races = std::make_unique<global_shadow>(sizes, decoded->global_granule, threads == 1);
  std::vector<worker> workers(threads);
  for (auto& work : workers) {
    work.launch = &launch;
    work.touches.resize(launch.regions.size());
  }
  std::atomic<u64> next{0};
  if (decoded->communicates) {
    run_communicating(workers[0]);
  } else {
    std::vector<std::thread> others;
    std::vector<std::exception_ptr> failures(threads);
    const auto body = [&](unsigned k) {
      try {
        run_independent(workers[k], next);
      } catch (...) {
        failures[k] = std::current_exception();
        launch.ended = true;
      }
    };
    for (unsigned k = 1; k < threads; ++k) others.emplace_back(body, k);
    body(0);
    for (auto& other : others) other.join();
    for (const auto& failure : failures)
      if (failure) std::rethrow_exception(failure);
  }
  collect(launch, workers);
  auto& faults = launch.result.faults;
  std::sort(faults.begin(), faults.end(),
            [](const fault& a, const fault& b) { return a.line != b.line ? a.line < b.line : a.kind < b.kind; });
  launch.result.trapped = launch.trapped;
  for (auto& [block, text] : launch.printed) launch.result.printed += text;
  return std::move(launch.result);
}

}  // namespace sim
