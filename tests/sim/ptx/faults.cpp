// SPDX-License-Identifier: Apache-2.0
// Where faults are recorded.
#include <algorithm>
#include <tuple>

#include "state.hpp"

namespace sim::ptx {

const region* launch_state::find(std::uint64_t address) const {
  const auto after = std::upper_bound(regions.begin(), regions.end(), address,
                                      [](std::uint64_t a, const region& r) { return a < r.begin; });
  if (after == regions.begin()) return nullptr;
  const auto& candidate = *std::prev(after);
  return address < candidate.end ? &candidate : nullptr;
}

std::array<unsigned, 3> thread_index(const launch_state& l, std::uint32_t linear) {
  const dim& b = l.how->block;
  return {linear % b.x, linear / b.x % b.y, linear / b.x / b.y};
}

void raise(warp& w, const instruction& i, unsigned lane, fault_kind kind, std::uint64_t address, std::string message) {
  auto& launch = *w.launch;
  const auto& from = launch.code->sources[i.source];
  fault made{kind,           launch.entry->name,
             from.line,      std::string(from.text),
             w.block->index, thread_index(launch, w.index * lanes + lane),
             address,        std::move(message)};
  std::lock_guard lock(launch.mutex);
  auto& all = launch.result.faults;
  const auto known =
      std::find_if(all.begin(), all.end(), [&](const fault& f) { return f.kind == kind && f.line == from.line; });
  if (known == all.end() && all.size() < 16) {
    all.push_back(std::move(made));
    return;
  }
  ++launch.result.faults_left_out;
  // Of several threads the first of the grid is named, whichever OS thread was faster.
  const auto place = [](const fault& f) {
    return std::tuple(f.block[2], f.block[1], f.block[0], f.thread[2], f.thread[1], f.thread[0]);
  };
  if (known != all.end() && place(made) < place(*known)) *known = std::move(made);
}

void raise_at(warp& w, std::uint32_t pc, unsigned lane, fault_kind kind, std::uint64_t address, std::string message) {
  raise(w, w.launch->code->code[pc], lane, kind, address, std::move(message));
}

}  // namespace sim::ptx
