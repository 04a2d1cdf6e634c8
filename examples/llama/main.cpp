// SPDX-License-Identifier: Apache-2.0
/// The program. Compiled as CUDA it offers both executors, else the host's alone.

#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fuse/fuse.hpp>
#include <iostream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "checkpoint.hpp"
#include "generate.hpp"
#include "language.hpp"
#include "npy.hpp"
#include "options.hpp"
#include "output.hpp"

namespace llama {
namespace {

constexpr std::int64_t default_count = 64;

/// Taken before main: what comes before is the system's loader.
const std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();

/// As printf would print it.
template <class... T>
std::string formatted(const char* format, T... values) {
  std::string text(static_cast<std::size_t>(std::snprintf(nullptr, 0, format, values...)), '\0');
  std::snprintf(text.data(), text.size() + 1, format, values...);
  return text;
}

double milliseconds_since_start() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

/// Where a program can run: what makes an executor, and its name for people.
struct host {
  using executor = fuse::host_executor<fuse::modes::any>;
  executor make(fuse::mode mode) const { return executor(mode); }
  std::string name() const { return "the CPU"; }
};
#if defined(__CUDACC__)
class device {
 public:
  using executor = fuse::cuda_executor<fuse::modes::any>;
  device() {
    int count = 0;
    const cudaError_t status = cudaGetDeviceCount(&count);
    if (status != cudaSuccess || count == 0)
      throw error(std::string("--executor: expected a GPU for cuda, got none (") +
                  cudaGetErrorString(status == cudaSuccess ? cudaErrorNoDevice : status) + "); use --executor host");
    fuse::cuda::check(cudaStreamCreate(&stream_), "cudaStreamCreate");
  }
  device(const device&) = delete;
  device& operator=(const device&) = delete;
  ~device() { cudaStreamDestroy(stream_); }
  executor make(fuse::mode mode) const { return executor(stream_, mode); }
  std::string name() const {
    int which = 0;
    cudaDeviceProp properties{};
    fuse::cuda::check(cudaGetDevice(&which), "cudaGetDevice");
    fuse::cuda::check(cudaGetDeviceProperties(&properties, which), "cudaGetDeviceProperties");
    return std::string("the GPU (") + properties.name + ")";
  }
  static bool is_present() {
    int count = 0;
    return cudaGetDeviceCount(&count) == cudaSuccess && count > 0;
  }

 private:
  cudaStream_t stream_ = nullptr;
};
#endif

/// One way to run the model, with what it needs.
template <class T, class Place>
struct running {
  using executor_type = typename Place::executor;
  executor_type executor;
  model<T, executor_type> llama;
  generator<executor_type> continued;

  running(const Place& place, fuse::mode how, const config& shape, const weights<T>& w, fuse::index capacity,
          const sampling& choice, std::span<const token_id> stop, fuse::index steps_per_launch)
      : executor(place.make(how)),
        llama(executor, shape, w, capacity),
        continued(llama, choice, stop, steps_per_launch) {}
};

/// Generates `count` tokens in each mode in turn, and prints what a token costs at its quickest.
template <class T, class Place>
void compare(const options& chosen, const Place& place, const config& shape, const weights<T>& w,
             std::span<const token_id> prompt, std::int64_t count) {
  constexpr int repetitions = 8, modes = 3;
  constexpr fuse::mode how[modes] = {fuse::mode::eager, fuse::mode::fused, fuse::mode::graphed};
  const auto first = static_cast<fuse::index>(prompt.size()), last = first + static_cast<fuse::index>(count);
  std::vector<std::unique_ptr<running<T, Place>>> all;
  for (const fuse::mode m : how) {
    const fuse::index steps = m == fuse::mode::graphed ? chosen.steps_per_launch : 1;
    // No token stops them: all take equally many steps.
    all.push_back(std::make_unique<running<T, Place>>(place, m, shape, w, last, chosen.choice,
                                                      std::span<const token_id>{}, steps));
    all.back()->continued.warm_up(first, last);
  }
  std::vector<double> quickest[modes];
  decode_cost best[modes];
  for (int repetition = 0; repetition < repetitions; ++repetition)
    for (int m = 0; m < modes; ++m) {
      all[m]->llama.clear();
      best[m] = all[m]->continued(
          all[m]->llama.append(prompt), count, [](token_id) {}, &quickest[m]);
    }

  const auto row = [&](const char* what, const char* format, auto value) {
    std::string line = formatted("%-20s", what);
    for (const decode_cost& cost : best) line += formatted(format, value(cost));
    print(line + "\n");
  };
  const double eager = best[0].tokens_per_second();
  print(formatted("\n%-20s%10s%10s%10s\n", "", "eager", "fused", "graphed"));
  row("launches per token", best[2].launches_per_token() < 1 ? "%10.3g" : "%10.0f",
      [](const decode_cost& c) { return c.launches_per_token(); });
  row("kernels per token", "%10.0f", [](const decode_cost& c) { return c.kernels_per_token(); });
  row("tokens per second", "%10.0f", [](const decode_cost& c) { return c.tokens_per_second(); });
  row("ratio", "%10.2f", [&](const decode_cost& c) { return eager > 0 ? c.tokens_per_second() / eager : 0; });
  print(formatted("on %s, %s, %d tokens after a prompt of %zu, every launch of steps at its quickest of %d runs\n",
                  place.name().c_str(), fuse::name_of(fuse::dtype_of<T>), static_cast<int>(count), prompt.size(),
                  repetitions));
}

template <class T, class Place>
void run(const options& chosen, const checkpoint& opened, language& words, const Place& place) {
  const config& shape = opened.config();
  const auto prompt = words.prompt();
  const auto given = static_cast<std::int64_t>(prompt.size());
  const std::int64_t room = shape.positions() - given;
  const std::int64_t count = chosen.count.value_or(std::min(room, default_count));
  if (count > room)
    throw error("--count: expected at most " + std::to_string(room) + " tokens after a prompt of " +
                std::to_string(given) + ", got " + std::to_string(count) + "; the model was made for " +
                std::to_string(shape.positions()) + " positions");

  check(chosen.choice);
  auto loader = place.make(fuse::mode::fused);
  const weights<T> w(loader, opened);
  const double resident = milliseconds_since_start();
  running<T, Place> now(place, chosen.how, shape, w, given + count, chosen.choice, shape.eos_token_ids,
                        chosen.steps_per_launch);
  now.continued.warm_up(given, given + count);
  const double warm = milliseconds_since_start();

  const bool dump = !chosen.logits_file.empty();
  const auto logits = now.llama.append(prompt, dump ? rows_of_logits::all : rows_of_logits::last);
  if (dump) {
    const fuse::index rows = logits.extent(0), vocab = logits.extent(1);
    const auto copy = on_host(
        now.executor,
        fuse::tensor<float, matrix_extents>({rows, vocab}, fuse::buffer(logits.data(), [](void*, void*) noexcept {})));
    write_npy(chosen.logits_file, {copy.data(), static_cast<std::size_t>(copy.size())}, rows, vocab);
  }
  std::int64_t generated = 0;
  double first = 0;
  words.show_prompt();
  const decode_cost cost = now.continued(logits, count, [&](token_id id) {
    if (generated++ == 0) first = milliseconds_since_start();
    words.show(id);
  });
  words.finish();
  if (chosen.demo && generated < 2) {
    print("no table: it compares what tokens cost that follow the first, and the text ended before\n");
  } else if (chosen.demo) {
    compare<T>(chosen, place, shape, w, prompt, generated);
  } else if (cost.steps > 0) {
    std::fprintf(stderr, "%.0f tokens per second, %.3g launches of %.0f kernels per token, on %s\n",
                 cost.tokens_per_second(), cost.launches_per_token(), cost.kernels_per_token(), place.name().c_str());
  }
  if (generated > 0) {
    const std::string times = formatted(
        "first token %.0f ms after the start of the program: weights in place after %.0f ms, ready after %.0f ms\n",
        first, resident, warm);
    if (chosen.demo)
      print(times);
    else
      std::fputs(times.c_str(), stderr);
  }
}

template <class Place>
void run(const options& chosen, const checkpoint& opened, language& words, const Place& place) {
  switch (chosen.type.value_or(opened.tensor("model.embed_tokens.weight").type)) {
    case element_type::f16:
      return run<fuse::f16>(chosen, opened, words, place);
    case element_type::bf16:
      return run<fuse::bf16>(chosen, opened, words, place);
    default:
      return run<float>(chosen, opened, words, place);
  }
}

void run(const options& chosen) {
  if (chosen.demo && fuse::mode_from_environment<fuse::modes::any>() == fuse::mode::eager)
    throw error(
        "--demo: expected three modes to compare, got FUSE_ENFORCE_EAGER, which makes all of them eager; unset it");
  if (!chosen.logits_file.empty()) check_npy_target(chosen.logits_file);
  const checkpoint opened(chosen.directory);
  language words(chosen, opened.config());
#if defined(__CUDACC__)
  if (chosen.on_device.value_or(device::is_present())) return run(chosen, opened, words, device());
#else
  if (chosen.on_device.value_or(false))
    throw error(
        "--executor: expected host, got cuda; this program was built without nvcc: use --executor host, or build it "
        "with the CUDA Toolkit");
#endif
  run(chosen, opened, words, host());
}

}  // namespace
}  // namespace llama

int main(int count, char** arguments) {
  try {
    const llama::options chosen =
        llama::parse_options({arguments + 1, static_cast<std::size_t>(count > 0 ? count - 1 : 0)});
    if (chosen.help)
      llama::print(llama::usage);
    else
      llama::run(chosen);
    return 0;
  } catch (const std::exception& problem) {
    std::cerr << problem.what() << '\n';
    return 1;
  }
}
