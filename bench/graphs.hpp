// SPDX-License-Identifier: Apache-2.0
// What launching costs: chains of small kernels and a step of the shipped Llama, eager, fused and as one graph. Each
// benchmark reports what a call takes until its results are there, what of that the host spends issuing it, and where
// there is a GPU what the device spends; and the speed against eager, which runs before it.
#pragma once
#include <filesystem>
#include <fuse/runtime/graphed.hpp>
#include <map>
#include <memory>
#include <optional>

#include "../tests/support/source_files.hpp"
#include "harness.hpp"
#include "llama/checkpoint.hpp"
#include "llama/model.hpp"

namespace bench {

/// Seconds of a call: all of it, until it returns, and on the device where that is apart.
struct call_time {
  double all = 0, host = 0;
  std::optional<double> device{};
};

/// One small kernel where it is fused, two where it is eager.
inline constexpr auto link = fuse::compile<"link">([](auto x) { return x * 0.5f + 1.f; });

/// `call` many times; a copy of as many bytes after each. Place: see register_graphs.
template <class Place, class Call>
void measure_launches(benchmark::State& state, Place& place, const std::string& group, double bytes,
                      std::int64_t kernels, Call&& call) {
  const auto half = static_cast<std::size_t>(bytes / 2);
  const fuse::buffer from = place.executor.allocate(half), to = place.executor.allocate(half);
  place.executor.clear(static_cast<char*>(from.data()), half);
  std::vector<double> all, host, device, copies;
  for (auto _ : state) {
    const call_time t = place.time(call);
    state.SetIterationTime(t.all);
    all.push_back(t.all), host.push_back(t.host);
    if (t.device) device.push_back(*t.device);
    auto copy = [&] {
      place.executor.copy("copy", static_cast<char*>(to.data()), static_cast<const char*>(from.data()), half);
    };
    copies.push_back(place.time(copy).all);
  }
  const double seconds = median(all), copied = 2.0 * static_cast<double>(half);
  static std::map<std::string, double> eager;  // seconds, by group
  if (place.executor.current_mode() == fuse::mode::eager) eager[group] = seconds;
  state.counters["median_seconds"] = seconds;
  state.counters["host_us"] = 1e6 * median(host);
  if (!device.empty()) state.counters["device_us"] = 1e6 * median(device);
  if (eager.count(group)) state.counters["times_eager"] = eager[group] / seconds;
  state.counters["bytes_per_second"] = bytes / seconds;
  state.counters["copy_bytes_per_second"] = copied / median(copies);
  state.counters["kernels"] = static_cast<double>(kernels);
}

/// Calls of f(executor) as the place's executor takes them.
template <class Place, class F>
void measure_graphed(benchmark::State& state, fuse::mode how, const std::string& group, double bytes, Place& place,
                     F f) {
  auto& executor = place.executor;
  executor.exchange_mode(how == fuse::mode::eager ? how : fuse::mode::fused);
  const std::int64_t before = executor.launches();
  f(executor);  // loads the code, and counts its kernels
  const std::int64_t kernels = executor.launches() - before;
  executor.exchange_mode(how);
  fuse::graphed call(executor, f, {.how = how});
  call();
  measure_launches(state, place, group, bytes, kernels, call);
}

/// The shipped Llama; empty if it is not found.
inline std::filesystem::path model_directory() { return source_file("examples/llama/model/config.json").parent_path(); }

template <class Place>
void measure_chain(benchmark::State& state, fuse::mode how, const std::string& group, int links) {
  using floats = fuse::tensor<float, fuse::extents<fuse::dyn>>;
  constexpr fuse::index n = 1024;
  Place place;
  floats start({n});
  std::fill(start.data(), start.data() + n, 1.f);
  const floats a = llama::placed(place.executor, std::move(start));
  const floats b = place.executor.template empty<float, fuse::extents<fuse::dyn>>({n});
  auto chain = [&, x = a.view(), y = b.view()](auto& executor) {
    for (int i = 0; i < links; ++i)
      if (i % 2 == 0)
        link(executor, fuse::out(y), x);
      else
        link(executor, fuse::out(x), y);
  };
  measure_graphed(state, how, group, 2.0 * links * n * sizeof(float), place, chain);
}

/// One token of the shipped Llama after 63 others.
template <class Executor>
class llama_step {
 public:
  explicit llama_step(Executor& executor)
      : opened_(model_directory()),
        weights_(executor, opened_),
        model_(executor, opened_.config(), weights_, 64),
        token_(token(executor)) {
    model_.move_to(63);
  }
  void issue() { model_.forward(token_, 64, llama::rows_of_logits::last); }
  double bytes() const {
    double all = 0;
    for (const auto& [name, tensor] : opened_.tensors()) all += static_cast<double>(tensor.bytes.size());
    return all;
  }

 private:
  using tokens = fuse::tensor<llama::token_id, llama::vector_extents>;
  static tokens token(Executor& executor) {
    tokens one({1});
    one[0] = 20;
    return llama::placed(executor, std::move(one));
  }
  llama::checkpoint opened_;
  llama::weights<fuse::bf16> weights_;
  llama::model<fuse::bf16, Executor> model_;
  tokens token_;
};

template <class Place>
void measure_step(benchmark::State& state, fuse::mode how, const std::string& group) {
  Place place;
  llama_step step(place.executor);
  measure_graphed(state, how, group, step.bytes(), place, [&](auto&) { step.issue(); });
}

/// Place: an executor that is ready, and time(call) -> call_time.
template <class Place>
void register_graphs() {
  const auto add = [](const std::string& group, auto measure) {
    for (const auto& [how, name] :
         {std::pair{fuse::mode::eager, "/eager"}, {fuse::mode::fused, "/fused"}, {fuse::mode::graphed, "/graphed"}}) {
      auto run = [=, how = how](benchmark::State& state) { measure(state, how, group); };
      benchmark::RegisterBenchmark((group + name).c_str(), run)->UseManualTime()->Unit(benchmark::kMicrosecond);
    }
  };
  for (const int links : {10, 100, 1000})
    add("chain_" + std::to_string(links) + "/f32", [=](benchmark::State& state, fuse::mode how, const std::string& g) {
      measure_chain<Place>(state, how, g, links);
    });
  if (!model_directory().empty()) add("llama_step/bf16", measure_step<Place>);
}

/// As bench::initialize, but in the order of registration: ratios need what they are of.
inline bool initialize_in_order(int argc, char** argv) {
  std::vector<char*> arguments(argv, argv + argc);
  std::string order = "--benchmark_enable_random_interleaving=false";
  arguments.insert(arguments.begin() + (argc > 0 ? 1 : 0), order.data());
  return initialize(static_cast<int>(arguments.size()), arguments.data());
}

}  // namespace bench
