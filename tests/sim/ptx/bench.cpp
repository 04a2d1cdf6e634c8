// SPDX-License-Identifier: Apache-2.0
// Prints how many millions of PTX instructions (of threads) the machine executes a second on two OS threads, with the
// checks off and on; and how many in a second of one core, which other programs on the machine do not disturb. With
// --at-least N it fails where a kernel stays below N, with the checks on, by both measures.
// usage: sim_ptx_bench [--at-least N] [throughput.ptx]
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <sstream>

#include "machine.hpp"

namespace {

struct job {
  const char* name;
  sim::dim grid, block;
  std::size_t shared;
  std::vector<std::uint64_t> arguments;  // 8 bytes each; a 4-byte parameter takes the low half
};

struct speed {
  std::uint64_t instructions = 0;
  double elapsed = 1e9, core = 1e9;  ///< seconds, the best of three
};

speed measure(const sim::module& code, const job& j, sim::memory& device, sim::checks which) {
  const sim::kernel* kernel = code.find(j.name);
  if (kernel == nullptr) throw sim::error(std::string("sim: bench: no kernel ") + j.name);
  std::vector<std::byte> parameters(kernel->parameter_bytes);
  for (std::size_t k = 0; k < kernel->parameters.size(); ++k)
    std::memcpy(parameters.data() + kernel->parameters[k].offset, &j.arguments[k], kernel->parameters[k].size);
  const sim::launch how{.grid = j.grid, .block = j.block, .dynamic_shared_bytes = j.shared, .which = which};
  speed best;
  for (int round = 0; round < 3; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    const std::clock_t core = std::clock();
    const auto result = sim::run(code, *kernel, how, parameters, device);
    best.core = std::min(best.core, double(std::clock() - core) / CLOCKS_PER_SEC);
    best.elapsed =
        std::min(best.elapsed, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    for (const auto& f : result.faults) std::puts(to_string(f).c_str());
    best.instructions = result.counts.thread_total();
  }
  return best;
}

}  // namespace

int main(int count, char** arguments) {
  double at_least = 0, slowest = INFINITY;
  if (count > 2 && std::strcmp(arguments[1], "--at-least") == 0) {
    at_least = std::atof(arguments[2]);
    count -= 2, arguments += 2;
  }
#ifdef SIM_KERNEL_DIRECTORY
  const std::string path = count > 1 ? arguments[1] : SIM_KERNEL_DIRECTORY "/throughput.ptx";
#else
  if (count < 2) return std::puts("usage: sim_ptx_bench throughput.ptx"), 2;
  const std::string path = arguments[1];
#endif
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  try {
    const auto code = sim::module::parse(text.str(), path);
    sim::memory device;
    constexpr std::size_t floats = 1 << 20;
    const auto in = device.allocate(4 * floats), out = device.allocate(4 * floats), other = device.allocate(4 * floats);
    device.fill(in, 0, 4 * floats);
    device.fill(other, 0, 4 * floats);
    const job jobs[] = {
        {"arithmetic", {64}, {256}, 0, {out, 1000}},
        {"copy4", {64}, {256}, 0, {in, out, floats / 4}},
        {"softmax", {256}, {256}, 4096 * 4, {in, out, 4096}},
        {"matmul", {16, 16}, {16, 16}, 0, {in, other, out, 256}},
    };
    std::printf("%-12s %14s %12s %12s %12s %12s\n", "kernel", "instructions", "off M/s", "on M/s", "off M/core s",
                "on M/core s");
    for (const auto& j : jobs) {
      const auto off = measure(code, j, device, sim::checks::none), on = measure(code, j, device, sim::checks::all);
      const double millions = double(off.instructions) / 1e6;
      slowest = std::min(slowest, millions / std::min(on.elapsed, on.core));
      std::printf("%-12s %14llu %12.0f %12.0f %12.0f %12.0f\n", j.name,
                  static_cast<unsigned long long>(off.instructions), millions / off.elapsed, millions / on.elapsed,
                  millions / off.core, millions / on.core);
    }
    if (slowest < at_least) {
      std::printf("sim: bench: expected at least %.0f million instructions a second with the checks on, got %.0f\n",
                  at_least, slowest);
      return 1;
    }
  } catch (const sim::error& e) {
    std::puts(e.what());
    return 1;
  }
}
