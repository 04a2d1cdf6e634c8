// SPDX-License-Identifier: Apache-2.0
// A long run of a graphed function with shapes that change, graphs that make room for each other, and memory that has
// to stay as it is. Results are checked on the way.
#pragma once
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#if defined(__unix__)
#include <unistd.h>
#endif

#include "stage.hpp"

namespace stage::soak {

/// Steps to run: FUSE_SOAK_STEPS, or the default.
inline long steps_or(long otherwise) {
  const char* set = std::getenv("FUSE_SOAK_STEPS");
  const long n = set ? std::atol(set) : 0;
  return n > 0 ? n : otherwise;
}

/// Bytes of memory that the process has in use, of the pages that it does not share.
inline long resident_bytes() {
#if defined(__linux__)
  long total = 0, resident = 0;
  if (std::FILE* f = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(f, "%ld %ld", &total, &resident) != 2) resident = 0;
    std::fclose(f);
  }
  return resident * sysconf(_SC_PAGESIZE);
#else
  return 0;
#endif
}

constexpr auto scale_add = fx::compile<"scale_add">([](auto x, auto y, auto a) { return x * a + y; });
constexpr auto sums = fx::compile<"sums">([](auto x) { return fx::sum(x, fx::row); });

struct report {
  long steps = 0, wrong = 0;
  long resident_after_warm_up = 0, resident_at_end = 0;
  fx::graph_counts counts;
  double seconds = 0;
};

/// Twelve shapes for eight graphs: one shape that comes most of the time, and all others now and then, each call with
/// tensors and a scalar of its own. measure(): bytes of memory, called after a tenth of the steps and at the end.
template <class Measure>
report run(long steps, Measure&& measure) {
  bench<> b;
  fx::graph_options options;
  options.capacity = 8;
  options.check_memory = false;
  fx::graphed step(
      b.e,
      [](auto& e, const auto& x, const auto& y, auto a) { return sums(e, scale_add(e, scale_add(e, x, y, a), y, a)); },
      options);
  constexpr int shapes = 12, sets = 3;
  std::vector<matrix> x, y;
  std::vector<tensor<float, dyn, 1>> want;  // for a = 1 and a = 2
  for (int s = 0; s < shapes; ++s)
    for (int k = 0; k < sets; ++k) {
      x.push_back(b.made<matrix>({s + 1, 4}, s + k));
      y.push_back(b.made<matrix>({s + 1, 4}, 3 * k));
      for (float a : {1.f, 2.f})
        want.push_back(b.get(sums(b.e, scale_add(b.e, scale_add(b.e, x.back(), y.back(), a), y.back(), a))));
    }
  report r;
  r.steps = steps;
  std::mt19937 random(7);
  const auto begin = std::chrono::steady_clock::now();
  for (long i = 0; i < steps; ++i) {
    if (i == steps / 10) r.resident_after_warm_up = measure();
    const unsigned dice = unsigned(random());
    const std::size_t s = dice % 64 == 0 ? dice / 64 % shapes : 3;
    const std::size_t set = s * sets + dice / 4096 % sets, twice = dice / 65536 % 2;
    const auto result = step(x[set], y[set], twice == 1 ? 2.f : 1.f);
    if (i % 64 == 0 || i + 1 == steps) {
      const auto got = b.get(result);
      if (!same(got, want[set * 2 + twice])) ++r.wrong;
    }
  }
  b.e.synchronize();
  r.resident_at_end = measure();
  r.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  r.counts = step.counts();
  return r;
}

inline void check(const report& r, long allowed_growth) {
  MESSAGE(r.steps << " steps in " << r.seconds << " s: " << r.counts.captures << " captures, " << r.counts.evictions
                  << " evictions, " << r.counts.rebinds << " rebound arguments; memory after a tenth of them "
                  << r.resident_after_warm_up << " bytes, at the end " << r.resident_at_end << " bytes");
  CHECK(r.wrong == 0);
  CHECK(r.counts.replays == r.steps);
  CHECK(r.counts.captures > r.steps / 1000);
  CHECK(r.counts.evictions == r.counts.captures - 8);
  CHECK(r.counts.pinned == 0);
  CHECK(r.resident_at_end - r.resident_after_warm_up <= allowed_growth);
}

}  // namespace stage::soak
