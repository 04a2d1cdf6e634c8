// SPDX-License-Identifier: Apache-2.0
/// The command line of the example.
#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <fuse/exec/mode.hpp>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include "element_type.hpp"
#include "error.hpp"
#include "sampler.hpp"

namespace llama {

inline constexpr std::string_view usage =
    R"(usage: llama MODEL_DIR (--prompt TEXT | --prompt-file FILE | --tokens 1,2,3 | --tokens-file FILE | --demo)
             [options]

Runs a Llama checkpoint in Hugging Face format: config.json, model.safetensors (or shards with their index), and for
text tokenizer.model.

  --prompt TEXT        the text to continue
  --prompt-file FILE   the text to continue, in a file; - is standard input; a line break at the end is left out
  --tokens 1,2,3       token ids to continue; prints ids
  --tokens-file FILE   token ids to continue, in a file; - is standard input
  --count N            generate at most N tokens (64)
  --temperature X      0: always the most probable token (0); 1: the model's own distribution. The next three need it
  --top-k N            choose among the N most probable tokens, and equals of the last (0: all)
  --top-p X            choose among the most probable tokens that together reach probability X (1: all)
  --seed N             equal seeds give equal texts, in every mode (0)
  --executor NAME      host or cuda (cuda where this program has it and there is a device)
  --mode NAME          fused; eager: one kernel for each operation; graphed: fused, and the kernels of a token, its
                       choice included, are captured once and launched as one graph (fused)
  --steps-per-launch N with --mode graphed or --demo: up to N tokens from one launch; the executor chooses them, stops
                       at an end token, and the text comes N tokens at a time (1)
  --dtype NAME         f32, f16 or bf16: compute in this type (the one the weights are stored in)
  --dump-logits FILE   write the logits after each token of the prompt as an f32 [tokens, vocab] .npy file; of files
                       that are there only an .npy file is written over
  --demo               generate text, then compare eager, fused and graphed execution in a table
  --help               print this
)";

struct options {
  std::string directory;
  std::optional<std::string> prompt, prompt_file, tokens, tokens_file;  ///< at most one; none only with demo
  std::optional<std::int64_t> count;
  sampling choice;
  std::optional<bool> on_device;  ///< absent: where there is a device
  fuse::mode how = fuse::mode::fused;
  std::int64_t steps_per_launch = 1;
  bool demo = false, help = false;
  std::optional<element_type> type;  ///< absent: as stored
  std::string logits_file;           ///< empty: none
};

namespace detail {

template <class Number>
Number parse_number(std::string_view option, std::string_view text) {
  Number value{};
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc{} || end != text.data() + text.size())
    throw error(std::string(option) + ": expected a number, got " + in_quotes(text) + "; see --help");
  return value;
}

inline fuse::mode parse_mode(std::string_view text) {
  if (text == "eager") return fuse::mode::eager;
  if (text == "fused") return fuse::mode::fused;
  if (text == "graphed") return fuse::mode::graphed;
  throw error("--mode: expected eager, fused or graphed, got " + in_quotes(text) + "; see --help");
}

/// Which of two words an option was given.
inline bool is_first(std::string_view option, std::string_view first, std::string_view second, std::string_view text) {
  if (text != first && text != second)
    throw error(std::string(option) + ": expected " + std::string(first) + " or " + std::string(second) + ", got " +
                in_quotes(text) + "; see --help");
  return text == first;
}

inline element_type parse_type(std::string_view text) {
  for (const element_type type : {element_type::f32, element_type::f16, element_type::bf16})
    if (text == (type == element_type::f32 ? "f32" : type == element_type::f16 ? "f16" : "bf16")) return type;
  throw error("--dtype: expected f32, f16 or bf16, got " + in_quotes(text) + "; see --help");
}

}  // namespace detail

/// Parses what follows the program's name. Throws `error` for an unknown option, one given twice, a missing or
/// malformed value, and options that exclude each other or do nothing.
inline options parse_options(std::span<const char* const> arguments) {
  options result;
  std::set<std::string_view> given;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view option = arguments[i];
    const auto value = [&]() -> std::string_view {
      if (i + 1 == arguments.size()) throw error(std::string(option) + ": expected a value, got none; see --help");
      return arguments[++i];
    };
    const auto file = [&] {
      const std::string_view name = value();
      if (name.empty()) throw error(std::string(option) + ": expected the name of a file, got \"\"; see --help");
      return std::string(name);
    };
    if (option.starts_with("-") && !given.insert(option).second)
      throw error(printable(option) + ": expected once, got twice; leave one of them out");
    if (option == "--help" || option == "-h")
      result.help = true;
    else if (option == "--demo")
      result.demo = true;
    else if (option == "--prompt")
      result.prompt = value();
    else if (option == "--prompt-file")
      result.prompt_file = file();
    else if (option == "--tokens")
      result.tokens = value();
    else if (option == "--tokens-file")
      result.tokens_file = file();
    else if (option == "--count")
      result.count = detail::parse_number<std::int64_t>(option, value());
    else if (option == "--temperature")
      result.choice.temperature = detail::parse_number<double>(option, value());
    else if (option == "--top-k")
      result.choice.top_k = detail::parse_number<std::int64_t>(option, value());
    else if (option == "--top-p")
      result.choice.top_p = detail::parse_number<double>(option, value());
    else if (option == "--seed")
      result.choice.seed = detail::parse_number<std::uint64_t>(option, value());
    else if (option == "--executor")
      result.on_device = detail::is_first(option, "cuda", "host", value());
    else if (option == "--mode")
      result.how = detail::parse_mode(value());
    else if (option == "--steps-per-launch")
      result.steps_per_launch = detail::parse_number<std::int64_t>(option, value());
    else if (option == "--dtype")
      result.type = detail::parse_type(value());
    else if (option == "--dump-logits")
      result.logits_file = file();
    else if (option.starts_with("-"))
      throw error(printable(option) + ": expected one of the options that --help lists");
    else if (result.directory.empty())
      result.directory = option;
    else
      throw error(in_quotes(option) + ": expected one model directory, got a second one; put quotes around a prompt");
  }
  if (result.help) return result;
  if (result.directory.empty()) throw error("expected a model directory, got none; see --help");
  constexpr std::array<std::string_view, 4> prompts{"--prompt", "--prompt-file", "--tokens", "--tokens-file"};
  std::string_view prompt;
  for (const std::string_view option : prompts) {
    if (!given.contains(option)) continue;
    if (!prompt.empty())
      throw error(std::string(option) + ": expected no " + std::string(prompt) + " beside it, got both; use one");
    prompt = option;
  }
  if (prompt.empty() && !result.demo)
    throw error("expected --prompt, --prompt-file, --tokens, --tokens-file or --demo, got none of them; see --help");
  if (!given.contains("--temperature"))
    for (const std::string_view option : {"--top-k", "--top-p", "--seed"})
      if (given.contains(option))
        throw error(std::string(option) +
                    ": expected --temperature beside it, got none; without it the most probable token is chosen");
  if (result.count && *result.count < 0)
    throw error("--count: expected at least 0, got " + std::to_string(*result.count) + "; 0 generates nothing");
  if (result.demo && result.count && *result.count < 2)
    throw error("--count: expected at least 2 with --demo, got " + std::to_string(*result.count) +
                "; its table compares what tokens cost that follow the first");
  if (result.steps_per_launch < 1)
    throw error("--steps-per-launch: expected at least 1, got " + std::to_string(result.steps_per_launch));
  if (result.steps_per_launch > 1 && result.how != fuse::mode::graphed && !result.demo)
    throw error(
        "--steps-per-launch: expected --mode graphed beside it, got another mode; only a graph takes many steps");
  return result;
}

}  // namespace llama
