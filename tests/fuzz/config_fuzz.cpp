// SPDX-License-Identifier: Apache-2.0
/// libFuzzer target: whatever the text, the config parser throws `llama::error` or returns sizes that a model can have,
/// and finite inverse frequencies follow from them; as a generation config it throws or has ids of the vocabulary.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "llama/config.hpp"
#include "llama/generation_config.hpp"
#include "llama/rope_frequencies.hpp"

namespace {

void require(bool law) {
  if (!law) std::abort();
}

void check(llama::config config) {
  constexpr std::int64_t limit = std::int64_t{1} << 31;
  for (const std::int64_t size :
       {config.hidden_size, config.intermediate_size, config.num_hidden_layers, config.num_attention_heads,
        config.num_key_value_heads, config.head_dim, config.vocab_size, config.max_position_embeddings}) {
    require(size > 0 && size < limit);
  }
  require(config.num_attention_heads % config.num_key_value_heads == 0);
  require(config.head_dim % 2 == 0);
  require(config.rms_norm_eps > 0 && std::isfinite(config.rms_norm_eps));
  require(config.rope_theta > 0 && std::isfinite(config.rope_theta));
  require(config.rope_linear_factor >= 1 && std::isfinite(config.rope_linear_factor));
  require(config.positions() >= config.max_position_embeddings && config.positions() < limit);
  for (const std::int32_t id : config.eos_token_ids) require(id >= 0 && id < config.vocab_size);
  if (config.bos_token_id) require(*config.bos_token_id >= 0 && *config.bos_token_id < config.vocab_size);

  if (config.head_dim > 1024) config.head_dim = 1024;  // quick
  for (const float frequency : llama::inverse_frequencies(config)) require(std::isfinite(frequency) && frequency >= 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(input), size);
  try {
    check(llama::parse_config(text));
  } catch (const llama::error&) {
  }
  try {
    constexpr std::int64_t vocab_size = 100;
    if (const auto ends = llama::parse_generation_config(text, vocab_size))
      for (const std::int32_t id : *ends) require(id >= 0 && id < vocab_size);
  } catch (const llama::error&) {
  }
  return 0;
}
