// SPDX-License-Identifier: Apache-2.0
/// The program. Compiled as CUDA it offers both executors, else the host's alone.

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
#include "npy.hpp"
#include "options.hpp"
#include "tokenizer.hpp"

namespace llama {
namespace {

constexpr std::int64_t default_count = 64;
constexpr const char* demo_prompt = "And it came to pass in those days, that";

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
  device() { fuse::cuda::check(cudaStreamCreate(&stream_), "cudaStreamCreate"); }
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

/// The prompt as ids, and how generated ids are shown.
class language {
 public:
  language(const options& chosen, const checkpoint& opened) : vocab_size_(opened.config().vocab_size) {
    if (chosen.tokens) {
      prompt_ = parse_token_ids(*chosen.tokens, vocab_size_);
      return;
    }
    words_ = std::make_unique<tokenizer>(std::filesystem::path(chosen.directory) / "tokenizer.model");
    text_ = chosen.prompt.value_or(demo_prompt);
    prompt_ = words_->encode(text_);
    check_token_ids(prompt_, vocab_size_, "prompt");
    if (prompt_.empty()) throw error("--prompt: expected some text, got none; this tokenizer adds no token of its own");
    stream_.emplace(*words_, prompt_);
  }

  std::span<const token_id> prompt() const { return prompt_; }
  void show_prompt() const { std::cout << text_ << std::flush; }
  void show(token_id id) {
    if (stream_)
      std::cout << stream_->push(id) << std::flush;
    else
      std::cout << (std::exchange(first_, false) ? "" : ",") << id << std::flush;
  }
  void finish() { std::cout << (stream_ ? stream_->finish() : "") << std::endl; }

 private:
  std::int64_t vocab_size_;
  std::vector<token_id> prompt_;
  std::unique_ptr<tokenizer> words_;
  std::string text_;
  std::optional<text_stream> stream_;
  bool first_ = true;
};

/// Replays the same tokens in each mode in turn, and prints what a token costs at its quickest.
template <class T, class Place>
void compare(const Place& place, const config& shape, const weights<T>& w, std::span<const token_id> prompt,
             std::span<const token_id> tokens) {
  constexpr int repetitions = 8;
  const auto capacity = static_cast<fuse::index>(prompt.size() + tokens.size());
  auto eager_executor = place.make(fuse::mode::eager), fused_executor = place.make(fuse::mode::fused);
  model<T, typename Place::executor> eager(eager_executor, shape, w, capacity);
  model<T, typename Place::executor> fused(fused_executor, shape, w, capacity);
  std::vector<double> quickest[2];
  decode_cost best[2];
  for (int repetition = 0; repetition < repetitions; ++repetition) {
    best[0] = replay(eager, prompt, tokens, quickest[0]);
    best[1] = replay(fused, prompt, tokens, quickest[1]);
  }
  std::printf("\n%-8s %18s %18s %8s\n", "mode", "kernels per token", "tokens per second", "ratio");
  const char* const names[] = {"eager", "fused"};
  for (int i = 0; i < 2; ++i)
    std::printf("%-8s %18.0f %18.0f %8.2f\n", names[i], best[i].kernels_per_token(), best[i].tokens_per_second(),
                best[0].tokens_per_second() > 0 ? best[i].tokens_per_second() / best[0].tokens_per_second() : 0);
  std::printf("on %s, %s, %zu tokens after a prompt of %zu, the quickest of %d runs of each\n", place.name().c_str(),
              fuse::name_of(fuse::dtype_of<T>), tokens.size(), prompt.size(), repetitions);
}

template <class T, class Place>
void run(const options& chosen, const checkpoint& opened, language& words, const Place& place) {
  const config& shape = opened.config();
  const auto prompt = words.prompt();
  const std::int64_t room = shape.max_position_embeddings - static_cast<std::int64_t>(prompt.size());
  const std::int64_t count = chosen.count.value_or(std::clamp<std::int64_t>(room, 0, default_count));
  if (count > room)
    throw error("--count: expected at most " + std::to_string(std::max<std::int64_t>(room, 0)) +
                " tokens after a prompt of " + std::to_string(prompt.size()) + ", got " + std::to_string(count) +
                "; the model was made for " + std::to_string(shape.max_position_embeddings) + " positions");

  auto executor = place.make(chosen.eager ? fuse::mode::eager : fuse::mode::fused);
  const weights<T> w(executor, opened);
  model<T, typename Place::executor> llama(executor, shape, w, static_cast<fuse::index>(prompt.size()) + count);
  sampler choose(chosen.choice);

  const bool dump = !chosen.logits_file.empty();
  auto logits = llama(prompt, dump ? rows_of_logits::all : rows_of_logits::last);
  if (dump)
    write_npy(chosen.logits_file, {logits.data(), static_cast<std::size_t>(logits.size())}, logits.extent(0),
              logits.extent(1));
  std::vector<token_id> generated;
  words.show_prompt();
  const decode_cost cost = generate(llama, std::move(logits), choose, count, shape.eos_token_ids, [&](token_id id) {
    generated.push_back(id);
    words.show(id);
  });
  words.finish();
  if (chosen.demo && !generated.empty()) {
    compare<T>(place, shape, w, prompt, generated);
  } else if (cost.steps > 0) {
    std::fprintf(stderr, "%.0f tokens per second, %.0f kernels per token, on %s\n", cost.tokens_per_second(),
                 cost.kernels_per_token(), place.name().c_str());
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
  const checkpoint opened(chosen.directory);
  language words(chosen, opened);
#if defined(__CUDACC__)
  if (chosen.on_device.value_or(device::is_present())) return run(chosen, opened, words, device());
#else
  if (chosen.on_device.value_or(false))
    throw error(
        "--executor: expected host, got cuda; this program was built without nvcc, build it with the CUDA Toolkit");
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
      std::cout << llama::usage;
    else
      llama::run(chosen);
    return 0;
  } catch (const std::exception& problem) {
    std::cerr << problem.what() << '\n';
    return 1;
  }
}
