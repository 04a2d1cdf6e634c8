// SPDX-License-Identifier: Apache-2.0
/// The inverse frequencies of the rotary position encoding (RoPE), plain, with linear and with Llama 3.1's scaling.
#pragma once

#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

#include "config.hpp"

namespace llama {

/// The head_dim / 2 inverse frequencies, radians a position: pair i turns by `position * result[i]`.
///
/// Source: Su et al., "RoFormer", section 3.2.2, theta_i = rope_theta^(-2i / head_dim); the scalings are
/// `rope_type` "linear" and "llama3" of transformers (`modeling_rope_utils.py`), of which the latter follows Meta's
/// reference code for Llama 3.1. Each step is rounded to f32 where transformers rounds it, so that angles at large
/// positions agree: the results differ from transformers' by its own power function, at most 2 units in the last place.
inline std::vector<float> inverse_frequencies(const config& model) {
  std::vector<float> frequencies(static_cast<std::size_t>(model.head_dim / 2));
  const auto theta = static_cast<double>(static_cast<float>(model.rope_theta));
  for (std::size_t pair = 0; pair < frequencies.size(); ++pair) {
    const float exponent = static_cast<float>(2 * pair) / static_cast<float>(model.head_dim);
    const float plain = 1.0f / static_cast<float>(std::pow(theta, static_cast<double>(exponent)));
    frequencies[pair] = plain / static_cast<float>(model.rope_linear_factor);
  }
  if (!model.rope_scaling) return frequencies;

  const llama3_scaling& scaling = *model.rope_scaling;
  const auto factor = static_cast<float>(scaling.factor);
  const auto context = static_cast<double>(scaling.original_max_position_embeddings);
  const double shortest_blended = context / scaling.high_freq_factor;
  const double longest_blended = context / scaling.low_freq_factor;
  const auto low = static_cast<float>(scaling.low_freq_factor);
  const auto blend_width = static_cast<float>(scaling.high_freq_factor - scaling.low_freq_factor);
  for (float& frequency : frequencies) {
    const float wavelength = (1.0f / frequency) * static_cast<float>(2 * std::numbers::pi);
    if (wavelength < shortest_blended) continue;
    if (wavelength > longest_blended) {
      frequency = frequency / factor;
    } else {
      const float kept = ((1.0f / wavelength) * static_cast<float>(context) - low) / blend_width;
      frequency = (1.0f - kept) * frequency / factor + kept * frequency;
    }
  }
  return frequencies;
}

}  // namespace llama
