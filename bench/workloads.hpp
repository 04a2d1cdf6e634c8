// SPDX-License-Identifier: Apache-2.0
// What the benchmarks measure, once for the host, for CUDA and for the comparison with PyTorch: each work is a compiled
// function with its arguments and results for an element type T, which a source of tensors makes.
//
// A source has, for lengths of the shape E:  normal<T, E>(lengths, deviation) -> view<const T, E>,
// integers<E>(lengths, below) -> view<const std::int64_t, E>,  empty<T, E>(lengths) -> view<T, E>
#pragma once
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <fuse/fuse.hpp>
#include <fuse/nn.hpp>
#include <llama/block.hpp>
#include <tuple>

namespace bench {

namespace fx = fuse;
namespace nn = fuse::nn;

/// FUSE_BENCH_DIVIDE=N divides the shapes by N where functions leave them open: to try a program, not to measure.
inline const fx::index divide = [] {
  const char* text = std::getenv("FUSE_BENCH_DIVIDE");
  const fx::index n = text ? std::atoll(text) : 1;
  return n > 1 ? n : fx::index(1);
}();
/// n / divide, and not below `least`.
inline fx::index divided(fx::index n, fx::index least) { return n / divide > least ? n / divide : least; }

inline constexpr fx::index width = 4096;
inline const fx::index rows = divided(4096, 1);
using matrix = fx::extents<fx::dyn, width>;
using vector = fx::extents<width>;
using column = fx::extents<fx::dyn>;

/// Works whose arguments and result are one (rows, width) matrix of T each, and `Vectors` arguments of (width).
template <int Matrices, int Vectors, int Results = 1>
struct elementwise {
  template <class T, class Source>
  static auto inputs(Source& from) {
    return made<Matrices + Vectors>([&](auto i) {
      if constexpr (i < Matrices)
        return from.template normal<T, matrix>({rows, width});
      else
        return from.template normal<T, vector>({width});
    });
  }
  template <class T, class Source, class Inputs>
  static auto outputs(Source& from, const Inputs&) {
    return made<Results>([&](auto) { return from.template empty<T, matrix>({rows, width}); });
  }

 private:
  /// (f(0), … f(N - 1)), called in that order.
  template <int N, class F>
  static auto made(F f) {
    return [&]<int... I>(std::integer_sequence<int, I...>) {
      return std::tuple{f(std::integral_constant<int, I>{})...};
    }
    (std::make_integer_sequence<int, N>{});
  }
};

struct pointwise_chain : elementwise<1, 0> {
  static constexpr const char* name = "pointwise chain";
  static constexpr auto function = fx::compile<"pointwise_chain">([](auto x) {
    auto y = x * 1.5f + 0.5f;
    return fx::abs(y) * y - x;
  });
};

struct silu_mul : elementwise<2, 0> {
  static constexpr const char* name = "silu*mul";
  static constexpr auto function = fx::compile<"silu_mul">([](auto gate, auto up) { return nn::swiglu(gate, up); });
};

struct bias_gelu : elementwise<1, 1> {
  static constexpr const char* name = "bias+GELU";
  static constexpr auto function = fx::compile<"bias_gelu">([](auto x, auto bias) { return fx::gelu(x + bias); });
};

struct add_rms_norm : elementwise<2, 1, 2> {
  static constexpr const char* name = "add+RMSNorm";
  static constexpr auto function = fx::compile<"add_rms_norm">([](auto x, auto residual, auto weight) {
    auto h = x + residual;
    return fx::outputs(h, nn::rms_norm(h, weight, 1e-5f));
  });
};

struct layer_norm : elementwise<1, 2> {
  static constexpr const char* name = "LayerNorm";
  static constexpr auto function =
      fx::compile<"layer_norm">([](auto x, auto weight, auto bias) { return nn::layer_norm(x, weight, bias, 1e-5f); });
};

struct softmax : elementwise<1, 0> {
  static constexpr const char* name = "softmax";
  static constexpr auto function = fx::compile<"softmax">([](auto x) { return nn::softmax(x); });
};

/// x (rows tokens, 32 heads, 128); cos, sin f32 (tokens, 1, 64).
struct rope {
  static constexpr const char* name = "RoPE";
  static constexpr auto function = fx::compile<"rope">(
      [](auto x, auto cos, auto sin) { return fx::cast<decltype(x)::type>(nn::rope(x, cos, sin)); });
  using heads = fx::extents<fx::dyn, 32, 128>;
  using angles = fx::extents<fx::dyn, 1, 64>;
  template <class T, class Source>
  static auto inputs(Source& from) {
    auto x = from.template normal<T, heads>({rows, 32, 128});
    auto cos = from.template normal<float, angles>({rows, 1, 64});
    auto sin = from.template normal<float, angles>({rows, 1, 64});
    return std::tuple{x, cos, sin};
  }
  template <class T, class Source, class Inputs>
  static auto outputs(Source& from, const Inputs&) {
    return std::tuple{from.template empty<T, heads>({rows, 32, 128})};
  }
};

/// logits (rows, width), targets i64 (rows) -> losses f32 (rows).
struct cross_entropy {
  static constexpr const char* name = "cross-entropy";
  static constexpr auto function = fx::compile<"cross_entropy">(
      [](auto logits, auto targets) { return nn::cross_entropy(fx::cast<fx::dtype::f32>(logits), targets); });
  template <class T, class Source>
  static auto inputs(Source& from) {
    auto logits = from.template normal<T, matrix>({rows, width});
    auto targets = from.template integers<column>({rows}, width);
    return std::tuple{logits, targets};
  }
  template <class T, class Source, class Inputs>
  static auto outputs(Source& from, const Inputs&) {
    return std::tuple{from.template empty<float, column>({rows})};
  }
};

/// One decoder layer of Llama-3.2-1B: Tokens new ones after Past earlier ones. The cache is extended in place. Divided,
/// it keeps four query heads to a head of keys.
template <int Tokens, int Past>
struct llama_block {
  static constexpr auto function = llama::decoder_layer;
  static constexpr fx::index head_dim = 64;
  static inline const fx::index hidden = divided(2048, 64), kv_heads = divided(8, 1), heads = 4 * kv_heads,
                                inner = divided(8192, 64), tokens = divided(Tokens, 1),
                                past = Past == 0 ? 0 : divided(Past, 1), positions = past + tokens;
  static double flops() {
    const fx::index weights = hidden * (2 * heads + 2 * kv_heads) * head_dim + 3 * hidden * inner;
    return 2.0 * double(tokens * (weights + 2 * heads * head_dim * positions));
  }
  using cache = fx::extents<fx::dyn, fx::dyn, fx::dyn>;

  template <class T, class Source>
  static auto inputs(Source& from) {
    using llama::matrix_extents, llama::vector_extents;
    auto projection = [&](fx::index out, fx::index in) {
      return from.template normal<T, matrix_extents>({out, in}, 1 / std::sqrt(float(in)));
    };
    auto row = [&](fx::index n) { return from.template normal<T, vector_extents>({n}); };
    const fx::index queries = heads * head_dim, keys = kv_heads * head_dim;
    auto x = from.template normal<T, matrix_extents>({tokens, hidden});
    llama::layer_weights<T, fx::storage> w{.attention_norm = row(hidden),
                                           .q = projection(queries, hidden),
                                           .q_bias = row(queries),
                                           .k = projection(keys, hidden),
                                           .k_bias = row(keys),
                                           .v = projection(keys, hidden),
                                           .v_bias = row(keys),
                                           .o = projection(hidden, queries),
                                           .o_bias = row(hidden),
                                           .mlp_norm = row(hidden),
                                           .gate = projection(inner, hidden),
                                           .gate_bias = row(inner),
                                           .up = projection(inner, hidden),
                                           .up_bias = row(inner),
                                           .down = projection(hidden, inner),
                                           .down_bias = row(hidden)};
    auto cached_keys = from.template normal<T, cache>({positions, kv_heads, head_dim});
    auto cached_values = from.template normal<T, cache>({positions, kv_heads, head_dim});
    auto cos = from.template normal<float, matrix_extents>({positions, head_dim / 2});
    auto sin = from.template normal<float, matrix_extents>({positions, head_dim / 2});
    return std::tuple{x, w, cached_keys, cached_values, cos, sin, past, 1e-5f};
  }
  template <class T, class Source, class Inputs>
  static auto outputs(Source& from, const Inputs& in) {
    auto in_place = [](const auto& v) { return fx::view<T, cache>(const_cast<T*>(v.data()), v.extents()); };
    return std::tuple{from.template empty<T, llama::matrix_extents>({tokens, hidden}), in_place(std::get<2>(in)),
                      in_place(std::get<3>(in))};
  }
};
struct llama_decode : llama_block<1, 1023> {
  static constexpr const char* name = "Llama block, decode";
};
struct llama_prefill : llama_block<128, 0> {
  static constexpr const char* name = "Llama block, prefill";
};

template <class... W>
struct work_list {};
using all_works = work_list<pointwise_chain, silu_mul, bias_gelu, add_rms_norm, layer_norm, softmax, rope,
                            cross_entropy, llama_decode, llama_prefill>;

/// f(W{}, T{}) for each work and element type.
template <class F, class... W>
void for_each_work(work_list<W...>, F f) {
  (f(W{}, float{}), ...);
  (f(W{}, fx::bf16{}), ...);
}

/// Bytes of the distinct arguments and results: what a call has to move at least.
template <class Inputs, class Outputs>
double distinct_bytes(const Inputs& in, const Outputs& out) {
  double bytes = 0;
  auto add = [&](const auto& leaf) {
    if constexpr (requires { leaf.data(); }) bytes += double(leaf.size()) * sizeof(*leaf.data());
  };
  std::apply([&](const auto&... x) { (fx::arguments::for_each_leaf(x, add), ...); }, in);
  auto is_input = [&](const void* p) {
    bool found = false;
    auto compare = [&](const auto& leaf) {
      if constexpr (requires { leaf.data(); }) found = found || leaf.data() == p;
    };
    std::apply([&](const auto&... x) { (fx::arguments::for_each_leaf(x, compare), ...); }, in);
    return found;
  };
  std::apply([&](const auto&... y) { ((is_input(y.data()) ? void() : add(y)), ...); }, out);
  return bytes;
}

/// One call of a work with results in the given memory.
template <class W, class Executor, class Inputs, class Outputs>
void call(Executor& executor, const Inputs& in, const Outputs& out) {
  std::apply(
      [&](const auto&... x) { std::apply([&](const auto&... y) { W::function(executor, fx::out(y...), x...); }, out); },
      in);
}

}  // namespace bench
