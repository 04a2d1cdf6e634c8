// SPDX-License-Identifier: Apache-2.0
/// Text generation: the prompt in one step, then one token a step. A step is the model and the choice of a token, which
/// finds all that changes in the executor's memory: so one captured graph is every step, and a loop on the device can
/// take any number of them before the host looks at a token.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <fuse/runtime/graphed.hpp>
#include <fuse/runtime/loop.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "model.hpp"
#include "sampler.hpp"

namespace llama {

/// How many steps of one token were taken, in what time, with how many launches of how many kernels.
struct decode_cost {
  std::int64_t steps = 0, launches = 0, kernels = 0;
  double seconds = 0;

  double launches_per_token() const { return per_token(launches); }
  double kernels_per_token() const { return per_token(kernels); }
  double tokens_per_second() const { return seconds > 0 ? static_cast<double>(steps) / seconds : 0; }

 private:
  double per_token(std::int64_t n) const { return steps > 0 ? static_cast<double>(n) / static_cast<double>(steps) : 0; }
};

/// Continues sequences of a model. Where the executor's mode is fuse::mode::graphed, steps are captured graphs.
template <class Executor>
class generator {
 public:
  using logits = typename any_model<Executor>::logits;

  /// The model must outlive the generator. `stop`: tokens that end a sequence. `steps_per_launch`: the most tokens that
  /// are computed before the host looks at them, at least 1. Throws `error` for impossible options.
  generator(any_model<Executor>& model, const sampling& choice, std::span<const token_id> stop,
            fuse::index steps_per_launch = 1);

  /// Captures the graphs of all steps from a sequence of `from` tokens to one of `to`, and runs nothing. Without it
  /// each is captured when it is needed first.
  void warm_up(fuse::index from, fuse::index to);

  /// Appends up to `count` tokens to the model's sequence, of which the last logits are given, and passes each to
  /// `emit`. Stops after an end token, which is not passed on. Returns what the decoding steps cost; the sequence lacks
  /// the last token. Where `quickest` has the seconds of each launch of an earlier, equal run, they become the smaller
  /// of both and are what is returned: a busy machine delays some launches of every run, but seldom the same ones of
  /// all. Throws `error` for logits that are no numbers.
  decode_cost operator()(const logits& last, std::int64_t count, const std::function<void(token_id)>& emit,
                         std::vector<double>* quickest = nullptr);

  /// What the graphs have counted.
  fuse::graph_counts counts() const { return steps_.counts(); }
  /// The graphs, one for each number of positions that steps read.
  std::vector<fuse::runtime::graph_info> graphs() const { return steps_.graphs(); }

 private:
  /// Issues up to `count` steps that read so many positions.
  struct steps {
    generator& self;
    void operator()(Executor& executor, fuse::index positions, fuse::rebindable<fuse::index> count) const {
      if (self.steps_per_launch_ == 1) return self.step(positions);
      begun(executor, fuse::out(self.sequence_.until, self.sequence_.going), self.sequence_.length, count);
      fuse::while_loop(executor, self.sequence_.going.view(), self.steps_per_launch_,
                       [&](Executor&) { self.step(positions); });
    }
  };
  void step(fuse::index positions) const { choose(model_.forward(token(), positions, rows_of_logits::last)); }
  void choose(const logits& rows) const {
    const fuse::index vocab = rows.extent(1);
    sampler_({rows.data() + rows.size() - vocab, {vocab}}, sequence_);
  }
  fuse::view<const token_id, vector_extents> token() const { return {sequence_.token.data(), {1}}; }

  /// How many steps the next launch takes: those that read equally many positions.
  fuse::index steps_of_launch(fuse::index length, std::int64_t wanted) const {
    const fuse::index last = model_.positions_for(length + 1);
    return std::min<fuse::index>({steps_per_launch_, wanted, last - length});
  }
  /// Tokens of the sequence from place `first` on, up to the first that ends it.
  std::span<const token_id> fetched(fuse::index first, fuse::index count);
  bool is_end(token_id id) const { return std::find(stop_.begin(), stop_.end(), id) != stop_.end(); }
  struct graph_kernels {
    std::int64_t of_launch = 0, of_step = 0;
  };
  /// Of any graph; all have the same.
  graph_kernels count_kernels() const;

  any_model<Executor>& model_;
  std::vector<token_id> stop_;
  fuse::index steps_per_launch_;
  sampler<Executor> sampler_;
  sequence sequence_;
  fuse::tensor<token_id, vector_extents> fetched_;
  fuse::graphed<Executor, steps> steps_;
  std::optional<graph_kernels> kernels_of_graph_;
};

template <class Executor>
generator<Executor>::generator(any_model<Executor>& model, const sampling& choice, std::span<const token_id> stop,
                               fuse::index steps_per_launch)
    : model_(model),
      stop_(stop.begin(), stop.end()),
      steps_per_launch_(std::max<fuse::index>(steps_per_launch, 1)),
      sampler_(model.executor(), choice, model.config().vocab_size, stop),
      steps_(model.executor(), steps{*this}, {.how = model.executor().current_mode()}) {
  auto& executor = model.executor();
  fuse::tensor<token_id, vector_extents> none({model.capacity() + 1});
  std::fill(none.data(), none.data() + none.size(), token_id(0));
  sequence_.tokens = placed(executor, std::move(none));
  sequence_.token = placed(executor, fuse::tensor<token_id, one>({1}, {0}));
  sequence_.length = model.past();
  sequence_.until = placed(executor, fuse::tensor<fuse::index, one>({1}, {0}));
  sequence_.going = placed(executor, fuse::tensor<bool, one>({1}, {false}));
}

template <class Executor>
void generator<Executor>::warm_up(fuse::index from, fuse::index to) {
  // The largest first: the others share its memory.
  for (fuse::index length = to; length > from;) {
    const fuse::index positions = model_.positions_for(length);
    steps_.warm_up(std::tuple(fuse::fixed(positions), steps_per_launch_));
    while (length > from && model_.positions_for(length) == positions) --length;
  }
}

template <class Executor>
decode_cost generator<Executor>::operator()(const logits& last, std::int64_t count,
                                            const std::function<void(token_id)>& emit, std::vector<double>* quickest) {
  using clock = std::chrono::steady_clock;
  decode_cost cost;
  if (count == 0) return cost;
  Executor& executor = model_.executor();
  model_.move_to(model_.length() - 1);  // choosing a token counts the one before it
  choose(last);
  std::span<const token_id> chosen = fetched(model_.length(), 1);

  for (std::size_t launch = 0;; ++launch) {
    for (const token_id id : chosen) {
      if (id < 0)
        throw error("logits: expected numbers, of which the largest is finite, got others at position " +
                    std::to_string(model_.length()) + "; the weights are damaged, or the dtype overflows");
      if (is_end(id)) return cost;
      emit(id);
      --count;
    }
    if (count == 0) return cost;

    const fuse::index length = model_.length(), steps = steps_of_launch(length, count);
    const std::int64_t replays = counts().replays, kernels = executor.launches();
    const clock::time_point start = clock::now();
    steps_(fuse::fixed(model_.positions_for(length + 1)), steps);
    chosen = fetched(length + 1, steps);
    double seconds = std::chrono::duration<double>(clock::now() - start).count();
    if (quickest) {
      if (launch == quickest->size()) quickest->push_back(seconds);
      seconds = (*quickest)[launch] = std::min((*quickest)[launch], seconds);
    }
    model_.grown(static_cast<fuse::index>(chosen.size()));

    const auto taken = static_cast<std::int64_t>(chosen.size());
    cost.steps += taken;
    cost.seconds += seconds;
    if (counts().replays > replays) {
      if (!kernels_of_graph_) kernels_of_graph_ = count_kernels();
      cost.launches += 1;
      cost.kernels += kernels_of_graph_->of_launch + taken * kernels_of_graph_->of_step;
    } else {
      cost.launches += executor.launches() - kernels;
      cost.kernels += executor.launches() - kernels;
    }
  }
}

template <class Executor>
std::span<const token_id> generator<Executor>::fetched(fuse::index first, fuse::index count) {
  token_id* const there = sequence_.tokens.data() + first;
  fetched_ = on_host(model_.executor(), fuse::tensor<token_id, vector_extents>(
                                            {count}, fuse::buffer(there, [](void*, void*) noexcept {})));
  const std::span<const token_id> tokens(fetched_.data(), static_cast<std::size_t>(count));
  const auto last = std::find_if(tokens.begin(), tokens.end(), [&](token_id id) { return id < 0 || is_end(id); });
  return last == tokens.end() ? tokens : std::span(tokens.begin(), last + 1);  // the loop has stopped there
}

template <class Executor>
auto generator<Executor>::count_kernels() const -> graph_kernels {
  graph_kernels n;
  const auto all = graphs();
  for (const auto& node : all.front().nodes)
    if (std::string_view(node.kind) == "kernel") ++(node.depth > 0 || steps_per_launch_ == 1 ? n.of_step : n.of_launch);
  return n;
}

// Compiled once for everybody, in compiled/.
extern template class any_model<fuse::host_executor<fuse::modes::any>>;
extern template class generator<fuse::host_executor<fuse::modes::any>>;
#if defined(__CUDACC__)
extern template class any_model<fuse::cuda_executor<fuse::modes::any>>;
extern template class generator<fuse::cuda_executor<fuse::modes::any>>;
#endif

}  // namespace llama
