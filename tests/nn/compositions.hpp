// SPDX-License-Identifier: Apache-2.0
// Every composition of fuse/nn, compiled, what it is exactly, and the comparison of both on random rows of a dtype. The
// files beside this one ask it of the host, tests/cuda/nn.cu of a device.
#pragma once
#include "compare.hpp"

namespace nn_test {

// ---- softmax ----
inline constexpr auto softmax = fx::compile<"softmax">([](auto x) { return fx::nn::softmax(x); });
inline constexpr auto log_softmax = fx::compile<"log_softmax">([](auto x) { return fx::nn::log_softmax(x); });

inline numbers exact_log_softmax(const numbers& x, fx::index n) {
  return by_row(x, n, [n](const double* in, double* out) {
    const double m = *std::max_element(in, in + n);
    double sum = 0;
    for (fx::index i = 0; i < n; ++i) sum += std::exp(in[i] - m);
    for (fx::index i = 0; i < n; ++i) out[i] = in[i] - m - std::log(sum);
  });
}
inline numbers exact_softmax(const numbers& x, fx::index n) {
  numbers r = exact_log_softmax(x, n);
  for (double& v : r) v = std::exp(v);
  return r;
}
template <class T>
void check_softmax(std::initializer_list<fx::index> lengths) {
  for (fx::index n : lengths) {
    CAPTURE(n);
    const auto x = random<matrix<T>>({3, n}, unsigned(n), 3);
    check(softmax, 1, exact_softmax(numbers_of(x), n), x);
    check(log_softmax, 1, exact_log_softmax(numbers_of(x), n), x);
  }
}

// ---- norms ----
inline constexpr auto rms_norm = fx::compile<"rms_norm">([](auto x, auto w) { return fx::nn::rms_norm(x, w, 1e-5f); });
inline constexpr auto layer_norm =
    fx::compile<"layer_norm">([](auto x, auto w, auto b) { return fx::nn::layer_norm(x, w, b, 1e-5f); });

inline numbers exact_rms_norm(const numbers& x, const numbers& w, double epsilon) {
  const auto n = fx::index(w.size());
  return by_row(x, n, [&](const double* in, double* out) {
    double sum = 0;
    for (fx::index i = 0; i < n; ++i) sum += in[i] * in[i];
    for (fx::index i = 0; i < n; ++i) out[i] = in[i] / std::sqrt(sum / double(n) + epsilon) * w[std::size_t(i)];
  });
}
inline numbers exact_layer_norm(const numbers& x, const numbers& w, const numbers& b, double epsilon) {
  const auto n = fx::index(w.size());
  return by_row(x, n, [&](const double* in, double* out) {
    double mean = 0, variance = 0;
    for (fx::index i = 0; i < n; ++i) mean += in[i] / double(n);
    for (fx::index i = 0; i < n; ++i) variance += (in[i] - mean) * (in[i] - mean) / double(n);
    for (fx::index i = 0; i < n; ++i)
      out[i] = (in[i] - mean) / std::sqrt(variance + epsilon) * w[std::size_t(i)] + b[std::size_t(i)];
  });
}
template <class T>
void check_norms(std::initializer_list<fx::index> lengths) {
  for (fx::index n : lengths) {
    CAPTURE(n);
    const auto x = random<matrix<T>>({4, n}, unsigned(n), 2);
    const auto w = random<vector<T>>({n}, 77), b = random<vector<T>>({n}, 78);
    check(rms_norm, 1, exact_rms_norm(numbers_of(x), numbers_of(w), 1e-5f), x, w);
    check(layer_norm, 1, exact_layer_norm(numbers_of(x), numbers_of(w), numbers_of(b), 1e-5f), x, w, b);
  }
}

// ---- gated units ----
inline constexpr auto swiglu = fx::compile<"swiglu">([](auto g, auto u) { return fx::nn::swiglu(g, u); });
inline constexpr auto geglu = fx::compile<"geglu">([](auto g, auto u) { return fx::nn::geglu(g, u); });

inline double exact_silu(double x) { return x / (1 + std::exp(-x)); }
inline double exact_gelu(double x) { return x * 0.5 * std::erfc(-x / std::sqrt(2.0)); }
inline numbers exact_gated(const numbers& g, const numbers& u, double (*activation)(double)) {
  numbers r;
  for (std::size_t i = 0; i < g.size(); ++i) r.push_back(activation(g[i]) * u[i]);
  return r;
}
template <class T>
void check_gated() {
  const auto g = random<matrix<T>>({5, 67}, 1, 3), u = random<matrix<T>>({5, 67}, 2);
  check(swiglu, 1, exact_gated(numbers_of(g), numbers_of(u), exact_silu), g, u);
  check(geglu, 1, exact_gated(numbers_of(g), numbers_of(u), exact_gelu), g, u);
}

// ---- rotary embedding ----
inline constexpr auto rope = fx::compile<"rope">(
    [](auto x, auto c, auto s) { return fx::nn::rope(x, fx::unsqueeze<1>(c), fx::unsqueeze<1>(s)); });
inline constexpr auto rope_interleaved = fx::compile<"rope_interleaved">(
    [](auto x, auto c, auto s) { return fx::nn::rope_interleaved(x, fx::unsqueeze<1>(c), fx::unsqueeze<1>(s)); });

/// x (tokens, heads, d): pair i is (first[i], second[i]) of each head and turns by the angle of its token.
inline numbers exact_rope(const numbers& x, const numbers& cos, const numbers& sin, fx::index tokens, fx::index heads,
                          fx::index d, bool interleaved) {
  numbers r(x.size());
  const fx::index half = d / 2;
  for (fx::index t = 0; t < tokens; ++t)
    for (fx::index h = 0; h < heads; ++h)
      for (fx::index i = 0; i < half; ++i) {
        const auto head = (t * heads + h) * d;
        const auto a = std::size_t(head + (interleaved ? 2 * i : i));
        const auto b = std::size_t(head + (interleaved ? 2 * i + 1 : i + half));
        const double c = cos[std::size_t(t * half + i)], s = sin[std::size_t(t * half + i)];
        r[a] = x[a] * c - x[b] * s;
        r[b] = x[b] * c + x[a] * s;
      }
  return r;
}
/// The cosines or sines of the angles of the tokens from 3 on.
inline matrix<float> angles_of(fx::index tokens, fx::index half, double (*f)(double)) {
  matrix<float> r({tokens, half});
  for (fx::index t = 0; t < tokens; ++t)
    for (fx::index i = 0; i < half; ++i)
      r[t * half + i] = float(f(double(t + 3) * std::pow(10000.0, -double(i) / double(half))));
  return r;
}
template <class T>
void check_rope(std::initializer_list<fx::index> head_lengths) {
  for (fx::index d : head_lengths) {
    CAPTURE(d);
    const auto x = random<cube<T>>({5, 3, d}, unsigned(d));
    const auto c = angles_of(5, d / 2, std::cos), s = angles_of(5, d / 2, std::sin);
    check(rope, 1, exact_rope(numbers_of(x), numbers_of(c), numbers_of(s), 5, 3, d, false), x, c, s);
    check(rope_interleaved, 1, exact_rope(numbers_of(x), numbers_of(c), numbers_of(s), 5, 3, d, true), x, c, s);
  }
}

// ---- cross-entropy ----
inline constexpr auto cross_entropy =
    fx::compile<"cross_entropy">([](auto x, auto t) { return fx::nn::cross_entropy(x, t); });

template <class I>
numbers exact_cross_entropy(const numbers& logits, const vector<I>& targets) {
  numbers r;
  const std::size_t classes = logits.size() / std::size_t(targets.size());
  for (fx::index row = 0; row < targets.size(); ++row) {
    const double* x = &logits[std::size_t(row) * classes];
    const double m = *std::max_element(x, x + classes);
    double sum = 0;
    for (std::size_t i = 0; i < classes; ++i) sum += std::exp(x[i] - m);
    r.push_back(m + std::log(sum) - x[targets[row]]);
  }
  return r;
}
template <class T>
void check_cross_entropy(std::initializer_list<fx::index> numbers_of_classes) {
  for (fx::index classes : numbers_of_classes) {
    CAPTURE(classes);
    const auto x = random<matrix<T>>({6, classes}, unsigned(classes), 4);
    vector<std::int64_t> targets({6});
    for (fx::index i = 0; i < 6; ++i) targets[i] = i * 7 % classes;
    check(cross_entropy, 1, exact_cross_entropy(numbers_of(x), targets), x, targets);
  }
}

// ---- attention ----
inline constexpr auto attention =
    fx::compile<"attention">([](auto q, auto k, auto v) { return fx::nn::attention(q, k, v); });
inline constexpr auto causal = fx::compile<"causal_attention">(
    [](auto q, auto k, auto v, auto past) { return fx::nn::causal_attention(q, k, v, past); });

struct attention_shape {
  fx::index heads, group, t, s, d, e;
};
/// q (heads, group, t, d), k (heads, s, d), v (heads, s, e) -> (heads, group, t, e), query i sees keys up to past + i.
inline numbers exact_attention(const numbers& q, const numbers& k, const numbers& v, attention_shape n,
                               fx::index past) {
  numbers r;
  for (fx::index head = 0; head < n.heads; ++head)
    for (fx::index query = 0; query < n.group * n.t; ++query) {
      const fx::index seen = std::min(n.s, past + query % n.t + 1);
      numbers weight(std::size_t(n.s), 0);
      double highest = -INFINITY, sum = 0;
      for (fx::index j = 0; j < seen; ++j) {
        double score = 0;
        for (fx::index i = 0; i < n.d; ++i)
          score +=
              q[std::size_t((head * n.group * n.t + query) * n.d + i)] * k[std::size_t((head * n.s + j) * n.d + i)];
        weight[std::size_t(j)] = score / std::sqrt(double(n.d));
        highest = std::max(highest, weight[std::size_t(j)]);
      }
      for (fx::index j = 0; j < seen; ++j) sum += weight[std::size_t(j)] = std::exp(weight[std::size_t(j)] - highest);
      for (fx::index c = 0; c < n.e; ++c) {
        double out = 0;
        for (fx::index j = 0; j < seen; ++j)
          out += weight[std::size_t(j)] / sum * v[std::size_t((head * n.s + j) * n.e + c)];
        r.push_back(out);
      }
    }
  return r;
}
/// Grouped heads, under a causal mask where Causal says so: the queries are the last of the keys' tokens.
template <class T, bool Causal>
void check_attention(std::initializer_list<attention_shape> shapes) {
  for (const attention_shape& n : shapes) {
    CAPTURE(n.s);
    const auto q = random<grouped<T>>({n.heads, n.group, n.t, n.d}, 1, 2);
    const auto k = random<cube<T>>({n.heads, n.s, n.d}, 2), v = random<cube<T>>({n.heads, n.s, n.e}, 3);
    const fx::index past = Causal ? n.s - n.t : n.s;
    const numbers exact = exact_attention(numbers_of(q), numbers_of(k), numbers_of(v), n, past);
    if constexpr (Causal)
      check(causal, 1, exact, q, k, v, past);
    else
      check(attention, 1, exact, q, k, v);
  }
}

}  // namespace nn_test
