// SPDX-License-Identifier: Apache-2.0
#include "llama/options.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace {

llama::options parse(std::vector<const char*> arguments) { return llama::parse_options(arguments); }

}  // namespace

TEST_CASE("options: each is read into its place") {
  const llama::options o = parse({"model",
                                  "--prompt",
                                  "In the beginning",
                                  "--count",
                                  "7",
                                  "--temperature",
                                  "0.5",
                                  "--top-k",
                                  "40",
                                  "--top-p",
                                  "0.9",
                                  "--seed",
                                  "3",
                                  "--executor",
                                  "host",
                                  "--mode",
                                  "graphed",
                                  "--steps-per-launch",
                                  "16",
                                  "--dtype",
                                  "bf16",
                                  "--dump-logits",
                                  "out.npy"});
  CHECK(o.directory == "model");
  CHECK(o.prompt == "In the beginning");
  CHECK_FALSE(o.tokens);
  CHECK(o.count == 7);
  CHECK(o.choice.temperature == 0.5);
  CHECK(o.choice.top_k == 40);
  CHECK(o.choice.top_p == 0.9);
  CHECK(o.choice.seed == 3);
  CHECK(o.on_device == false);
  CHECK(o.how == fuse::mode::graphed);
  CHECK(o.steps_per_launch == 16);
  CHECK(o.type == llama::element_type::bf16);
  CHECK(o.logits_file == "out.npy");
  CHECK_FALSE(o.demo);
}

TEST_CASE("options: what is not said has a default") {
  const llama::options o = parse({"--tokens", "1,2", "model"});
  CHECK(o.directory == "model");
  CHECK(o.tokens == "1,2");
  CHECK_FALSE(o.count);
  CHECK_FALSE(o.on_device);
  CHECK(o.how == fuse::mode::fused);
  CHECK(o.steps_per_launch == 1);
  CHECK_FALSE(o.type);
  CHECK(o.logits_file.empty());
  CHECK(o.choice.temperature == 0);
  CHECK(parse({"model", "--prompt-file", "-"}).prompt_file == "-");
  CHECK(parse({"model", "--tokens-file", "ids"}).tokens_file == "ids");
  CHECK(parse({"model", "--demo", "--prompt-file", "-"}).demo);
  CHECK(parse({"model", "--demo"}).demo);
  CHECK(parse({"model", "--demo", "--executor", "cuda"}).on_device == true);
  CHECK(parse({"model", "--demo", "--mode", "eager"}).how == fuse::mode::eager);
  CHECK(parse({"model", "--demo", "--steps-per-launch", "4"}).steps_per_launch == 4);
  CHECK(parse({"--help"}).help);
}

TEST_CASE("options: mistakes are named") {
  const auto refused = [](const std::vector<const char*>& arguments, const char* message) {
    CAPTURE(message);
    CHECK_THROWS_WITH_AS(parse(arguments), message, llama::error);
  };
  refused({}, "llama: expected a model directory, got none; see --help");
  refused({"--demo"}, "llama: expected a model directory, got none; see --help");
  refused({"model"},
          "llama: expected --prompt, --prompt-file, --tokens, --tokens-file or --demo, got none of them; see --help");
  refused({"model", "--prompt"}, "llama: --prompt: expected a value, got none; see --help");
  refused({"model", "--prompt", "a", "--tokens", "1"},
          "llama: --tokens: expected no --prompt beside it, got both; use one");
  refused({"model", "--tokens-file", "a", "--prompt-file", "b"},
          "llama: --tokens-file: expected no --prompt-file beside it, got both; use one");
  for (const char* option : {"--dump-logits", "--prompt-file", "--tokens-file"})
    refused({"model", option, ""},
            ("llama: " + std::string(option) + ": expected the name of a file, got \"\"; see --help").c_str());
  refused({"model", "--prompt", "two", "words"},
          "llama: \"words\": expected one model directory, got a second one; put quotes around a prompt");
  refused({"model", "--promt", "a"}, "llama: --promt: expected one of the options that --help lists");
  refused({"model", "--\x1b[2J", "a"}, "llama: \"--\\x1b[2J\": expected one of the options that --help lists");
  for (const char* option : {"--top-k", "--top-p", "--seed"})
    refused({"model", "--demo", option, "1"},
            ("llama: " + std::string(option) +
             ": expected --temperature beside it, got none; without it the most probable token is chosen")
                .c_str());
  CHECK_NOTHROW(parse({"model", "--demo", "--top-k", "1", "--temperature", "0"}));
  refused({"model", "--demo", "--count", "5", "--count", "6"},
          "llama: --count: expected once, got twice; leave one of them out");
  refused({"model", "--demo", "--demo"}, "llama: --demo: expected once, got twice; leave one of them out");
  CHECK(parse({"model", "--prompt", "--count", "--count", "3"}).prompt == "--count");
  for (const char* count : {"0", "1"})
    refused({"model", "--demo", "--count", count},
            ("llama: --count: expected at least 2 with --demo, got " + std::string(count) +
             "; its table compares what tokens cost that follow the first")
                .c_str());
  CHECK(parse({"model", "--demo", "--count", "2"}).count == 2);
  refused({"model", "--demo", "--count", "many"}, "llama: --count: expected a number, got \"many\"; see --help");
  refused({"model", "--demo", "--count", "-1"}, "llama: --count: expected at least 0, got -1; 0 generates nothing");
  refused({"model", "--demo", "--seed", "-1"}, "llama: --seed: expected a number, got \"-1\"; see --help");
  refused({"model", "--demo", "--mode", "lazy"},
          "llama: --mode: expected eager, fused or graphed, got \"lazy\"; see --help");
  refused({"model", "--demo", "--steps-per-launch", "0"}, "llama: --steps-per-launch: expected at least 1, got 0");
  refused({"model", "--tokens", "1", "--steps-per-launch", "2"},
          "llama: --steps-per-launch: expected --mode graphed beside it, got another mode; only a graph takes many "
          "steps");
  refused({"model", "--demo", "--executor", "tpu"},
          "llama: --executor: expected cuda or host, got \"tpu\"; see --help");
  refused({"model", "--demo", "--dtype", "f64"}, "llama: --dtype: expected f32, f16 or bf16, got \"f64\"; see --help");
}
