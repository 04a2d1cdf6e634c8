// SPDX-License-Identifier: Apache-2.0
#include "llama/rope_frequencies.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <vector>

namespace {

llama::config model(std::int64_t head_dim, double theta) {
  llama::config config{};
  config.head_dim = head_dim;
  config.rope_theta = theta;
  return config;
}

/// The largest distance between positive floats, in units in the last place.
std::int64_t distance(const std::vector<float>& got, const std::vector<std::uint32_t>& expected) {
  REQUIRE(got.size() == expected.size());
  std::int64_t largest = 0;
  for (std::size_t index = 0; index < got.size(); ++index) {
    const std::int64_t bits = std::bit_cast<std::uint32_t>(got[index]);
    largest = std::max(largest, std::abs(bits - std::int64_t{expected[index]}));
  }
  return largest;
}

}  // namespace

// The bits of `LlamaRotaryEmbedding(LlamaConfig(...)).inv_freq`, from transformers 5.23.0 with PyTorch 2.15.0 on the
// CPU.

TEST_CASE("inverse_frequencies: as transformers without scaling, head_dim 128, theta 10000") {
  const std::vector<std::uint32_t> expected{
      0x3f800000, 0x3f5dafd7, 0x3f3ff911, 0x3f263de0, 0x3f0ff59a, 0x3ef953cf, 0x3ed7e89b, 0x3ebaf81b,
      0x3ea1e89b, 0x3e8c3504, 0x3e72d423, 0x3e5247ed, 0x3e361887, 0x3e1db040, 0x3e088d77, 0x3dec7fd6,
      0x3dcccccd, 0x3db15978, 0x3d99940d, 0x3d84fe4d, 0x3d6655c2, 0x3d47763f, 0x3d2cba15, 0x3d159348,
      0x3d0186e3, 0x3ce054d2, 0x3cc2434f, 0x3ca8398b, 0x3c91ad39, 0x3c7c4d33, 0x3c5a7bf2, 0x3c3d3311,
      0x3c23d70a, 0x3c0de12d, 0x3bf5b9b0, 0x3bd4ca15, 0x3bb8449c, 0x3b9f91cc, 0x3b8a2e77, 0x3b6f520e,
      0x3b4f3e38, 0x3b33770f, 0x3b1b690d, 0x3b06946f, 0x3ae91528, 0x3ac9d75c, 0x3aaec98e, 0x3a975c0e,
      0x3a83126f, 0x3a6301e2, 0x3a44948c, 0x3a2a3b44, 0x3a136a16, 0x39ff4fac, 0x39dd1725, 0x39bf74d7,
      0x39a5cb60, 0x398f9272, 0x3978a815, 0x395753e4, 0x393a7753, 0x39217916, 0x390bd472, 0x38f22ce2};
  CHECK(distance(llama::inverse_frequencies(model(128, 10000)), expected) <= 2);
}

TEST_CASE("inverse_frequencies: as transformers for Llama 3.2 1B (factor 32)") {
  const std::vector<std::uint32_t> expected{
      0x3f800000, 0x3f29e1c6, 0x3ee177bc, 0x3e959ee3, 0x3e4693b0, 0x3e03c6a0, 0x3daee4ad, 0x3d681e67,
      0x3d1a08c8, 0x3ccc6f49, 0x3c87a9c3, 0x3c340d6d, 0x3beef74f, 0x3b9e9402, 0x3b527720, 0x3aa9279b,
      0x39e13620, 0x38cb98f7, 0x37a3418d, 0x3758ac81, 0x370fc8f8, 0x36bed4f4, 0x367d45c3, 0x3628126b,
      0x35df10c4, 0x359406cb, 0x35447610, 0x35025f34, 0x34ad07a7, 0x3465a54d, 0x341864a7, 0x33ca41b0};
  llama::config config = model(64, 500000);
  config.rope_scaling = llama::llama3_scaling{32, 1, 4, 8192};
  CHECK(distance(llama::inverse_frequencies(config), expected) <= 2);
}

TEST_CASE("inverse_frequencies: as transformers for Llama 3.1 8B (factor 8)") {
  const std::vector<std::uint32_t> expected{
      0x3f800000, 0x3f508ac1, 0x3f29e1c6, 0x3f0a6384, 0x3ee177bc, 0x3eb7ab7d, 0x3e959ee3, 0x3e73c461,
      0x3e4693b0, 0x3e21c3a0, 0x3e03c6a0, 0x3dd6b19c, 0x3daee4ad, 0x3d8e7898, 0x3d681e67, 0x3d3d1684,
      0x3d1a08c8, 0x3cfaf53f, 0x3ccc6f49, 0x3ca68939, 0x3c87a9c3, 0x3c5d06ec, 0x3c340d6d, 0x3c12ac7f,
      0x3beef74f, 0x3bc2aa76, 0x3b9e9402, 0x3b812e35, 0x3b527720, 0x3b0dfd06, 0x3ab3d11d, 0x3a60979e,
      0x3a0995d2, 0x39a3f108, 0x393b2dd2, 0x38c86886, 0x38a3418d, 0x3884fdbf, 0x3858ac81, 0x38308199,
      0x380fc8f8, 0x37ea426f, 0x37bed4f4, 0x379b7475, 0x377d45c3, 0x374e51f5, 0x3728126b, 0x3708ea0f,
      0x36df10c4, 0x36b5b687, 0x369406cb, 0x36712b80, 0x36447610, 0x36200a69, 0x36025f34, 0x35d46808,
      0x35ad07a7, 0x358cf400, 0x3565a54d, 0x353b12c7, 0x351864a7, 0x34f848c2, 0x34ca41b0, 0x34a4c2ff};
  llama::config config = model(128, 500000);
  config.rope_scaling = llama::llama3_scaling{8, 1, 4, 8192};
  CHECK(distance(llama::inverse_frequencies(config), expected) <= 2);
}

TEST_CASE("inverse_frequencies: as transformers with linear scaling, head_dim 64, factor 2.5") {
  const std::vector<std::uint32_t> expected{
      0x3ecccccd, 0x3e99940e, 0x3e6655c3, 0x3e2cba16, 0x3e0186e2, 0x3dc2434f, 0x3d91ad39, 0x3d5a7bf2,
      0x3d23d70a, 0x3cf5b9ae, 0x3cb8449b, 0x3c8a2e77, 0x3c4f3e38, 0x3c1b690c, 0x3be91528, 0x3baec98e,
      0x3b83126e, 0x3b44948d, 0x3b136a16, 0x3add1725, 0x3aa5cb60, 0x3a78a815, 0x3a3a7753, 0x3a0bd472,
      0x39d1b718, 0x399d43a3, 0x396bdcf0, 0x3930df51, 0x3904a2b3, 0x38c6ecde, 0x38952c42, 0x385fba50};
  llama::config config = model(64, 10000);
  config.rope_linear_factor = 2.5;
  CHECK(distance(llama::inverse_frequencies(config), expected) <= 2);
}

TEST_CASE("inverse_frequencies: laws of the scaling") {
  llama::config config = model(128, 500000);
  const std::vector<float> plain = llama::inverse_frequencies(config);
  CHECK(plain.front() == 1);
  CHECK(std::is_sorted(plain.rbegin(), plain.rend()));

  config.rope_scaling = llama::llama3_scaling{8, 1, 4, 8192};
  const std::vector<float> scaled = llama::inverse_frequencies(config);
  std::size_t kept = 0, blended = 0, stretched = 0;
  for (std::size_t pair = 0; pair < plain.size(); ++pair) {
    const double wavelength = 2 * M_PI / plain[pair];
    if (wavelength < 8192 / 4.0) {
      kept += scaled[pair] == plain[pair];
    } else if (wavelength > 8192 / 1.0) {
      stretched += scaled[pair] == plain[pair] / 8;
    } else {
      blended += scaled[pair] < plain[pair] && scaled[pair] > plain[pair] / 8;
    }
  }
  CHECK(kept > 0);
  CHECK(blended > 0);
  CHECK(stretched > 0);
  CHECK(kept + blended + stretched == plain.size());

  config.rope_scaling->factor = 1;
  const std::vector<float> unscaled = llama::inverse_frequencies(config);
  for (std::size_t pair = 0; pair < plain.size(); ++pair) {
    CHECK(unscaled[pair] == doctest::Approx(plain[pair]).epsilon(1e-6));
  }
}
