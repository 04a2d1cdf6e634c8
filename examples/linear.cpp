// SPDX-License-Identifier: Apache-2.0
/// A module used as an object: a linear layer with ReLU owns its weights and is called like a function. Bias and ReLU
/// are computed in the kernel of the matrix product.

#include <cmath>
#include <cstdio>
#include <fuse/fuse.hpp>
#include <random>

namespace fx = fuse;

template <fx::index Columns>
using rows_of = fx::tensor<float, fx::extents<fx::dyn, Columns>>;

/// (rows, In) -> (rows, Out)
template <fx::index In, fx::index Out>
class linear_relu {
 public:
  explicit linear_relu(unsigned seed) : weight_({Out, In}), bias_({Out}) {
    std::mt19937 engine(seed);
    std::normal_distribution<float> value(0, std::sqrt(2.f / In));  // keeps the variance through ReLU
    for (fx::index i = 0; i < weight_.size(); ++i) weight_[i] = value(engine);
    for (fx::index i = 0; i < bias_.size(); ++i) bias_[i] = 0.1f * value(engine);
  }

  template <class Executor>
  rows_of<Out> operator()(Executor& executor, const rows_of<In>& x) const {
    return forward(executor, x, weight_, bias_);
  }

 private:
  static constexpr auto forward =
      fx::compile<"linear_relu">([](auto x, auto weight, auto bias) { return fx::relu(fx::linear(x, weight, bias)); });

  fx::tensor<float, fx::extents<Out, In>> weight_;  // as PyTorch stores it
  fx::tensor<float, fx::extents<Out>> bias_;
};

int main() {
  const linear_relu<64, 256> first(1);
  const linear_relu<256, 10> second(2);
  rows_of<64> images({32, 64});
  for (fx::index i = 0; i < images.size(); ++i) images[i] = std::sin(0.1f * float(i));

  fx::host_executor<fx::modes::any> fused, eager(fx::mode::eager);
  const rows_of<10> scores = second(fused, first(fused, images));
  const rows_of<10> expected = second(eager, first(eager, images));

  float worst = 0;
  for (fx::index i = 0; i < scores.size(); ++i) worst = std::fmax(worst, std::fabs(scores[i] - expected[i]));
  std::printf("two layers of Linear + ReLU on %lld rows: %lld kernels fused, %lld eager, results within %.1e\n",
              images.extent(0), static_cast<long long>(fused.launches()), static_cast<long long>(eager.launches()),
              double(worst));
  return worst < 1e-5f ? 0 : 1;
}
