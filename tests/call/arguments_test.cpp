// SPDX-License-Identifier: Apache-2.0
// What a call may be given: structs of tensors in structs, scalars of every kind beside them and in them, memory with
// strides and of any alignment, several outputs, outputs in place of inputs.
#if defined(__GNUC__) && !defined(__clang__) && !defined(__CUDACC__)
#pragma GCC optimize("O1")  // many kernels: a third less compile time
#endif
#include "../exec/support/places.hpp"

using namespace places;

namespace {

template <template <class, class> class Tensor>
struct affine {
  using vector = Tensor<float, fx::extents<dyn>>;
  BOOST_HANA_DEFINE_STRUCT(affine, (vector, scale), (vector, shift));
};
template <class T, template <class, class> class Tensor>
struct layer {
  using matrix = Tensor<T, fx::extents<3, dyn>>;
  using norm = affine<Tensor>;
  BOOST_HANA_DEFINE_STRUCT(layer, (norm, before), (matrix, weight), (norm, after));
};
template <template <class, class> class Tensor>
struct model {
  using half_layer = layer<fx::f16, Tensor>;
  using float_layer = layer<float, Tensor>;
  using table = Tensor<std::int32_t, fx::extents<2>>;
  BOOST_HANA_DEFINE_STRUCT(model, (half_layer, first), (table, order), (float_layer, second));
};

constexpr auto whole_model = fx::compile<"whole_model">([](auto x, auto w, auto factor, auto extra) {
  auto affine_of = [](auto v, auto a) { return v * a.scale + a.shift; };
  auto run = [&](auto v, auto l) { return affine_of(affine_of(v, l.before) + l.weight, l.after); };
  auto h = run(x, w.first) * factor;
  return fx::outputs(h, run(h, w.second) + extra.shift, fx::take(h, w.order));
});

/// Views of zero rank become plain values: a struct of numbers beside tensors.
template <class T, class E>
using value_or_view = std::conditional_t<E::rank == 0, T, fx::view<const T, E>>;
template <template <class, class> class Tensor>
struct sampling {
  using real = Tensor<float, fx::extents<>>;
  using whole = Tensor<std::int32_t, fx::extents<>>;
  using flag = Tensor<bool, fx::extents<>>;
  using vector = Tensor<float, fx::extents<dyn>>;
  BOOST_HANA_DEFINE_STRUCT(sampling, (real, temperature), (vector, bias), (whole, first), (flag, on));
};
constexpr auto sampled = fx::compile<"sampled">(
    [](auto x, auto s) { return fx::where(s.on && fx::iota_along<0>(x) >= s.first, x * s.temperature + s.bias, x); });

/// Any tensor in the executor's memory as a view with strides, from element `first` on.
template <class E, class T, class X>
auto strided_view(const fx::tensor<T, X>& memory, const typename fx::view<T, E>::lengths& extents,
                  const typename fx::view<T, E>::lengths& strides, fx::index first = 0) {
  return fx::view<T, E, fx::strided>(memory.data() + first, extents, strides);
}

}  // namespace

TEST_CASE("structs in structs, of several dtypes, among scalars") {
  const auto x = counting<tensor<float, 3, dyn>>({3, 4});
  const auto half = counting<tensor<fx::f16, 3, dyn>>({3, 4}, 1);
  const auto single = counting<tensor<float, 3, dyn>>({3, 4}, 2);
  tensor<float, dyn> vectors[] = {counting<tensor<float, dyn>>({4}, 1),  counting<tensor<float, dyn>>({4}, 2),
                                  counting<tensor<float, dyn>>({4}, -1), counting<tensor<float, dyn>>({4}, -2),
                                  counting<tensor<float, dyn>>({4}, 3),  counting<tensor<float, dyn>>({4}, 0),
                                  counting<tensor<float, dyn>>({4}, -3), counting<tensor<float, dyn>>({4}, 5)};
  const tensor<std::int32_t, 2> order({2}, {2, 0});

  auto norm = [&](double v, int n, fx::index c) { return v * at(vectors[n], {c}) + at(vectors[n + 1], {c}); };
  auto first = [&](fx::index r, fx::index c) { return 0.5 * norm(norm(at(x, {r, c}), 0, c) + at(half, {r, c}), 2, c); };
  auto check = [&](auto& e) {
    const auto device_half = machine::fresh(e, half);
    const auto device_single = machine::fresh(e, single);
    const auto device_order = machine::fresh(e, order);
    const auto device_x = machine::fresh(e, x);
    std::vector<tensor<float, dyn>> v;
    for (const auto& host : vectors) v.push_back(machine::fresh(e, host));
    const model<fx::storage> w{
        {{v[0], v[1]}, device_half, {v[2], v[3]}}, device_order, {{v[4], v[5]}, device_single, {v[6], v[7]}}};
    const affine<fx::storage> extra{v[0], v[7]};
    const auto [h, next, taken] = whole_model(e, device_x, w, 0.5f, extra);
    expect(machine::contents(e, h), {3, 4}, [&](auto i) { return first(i[0], i[1]); });
    expect(machine::contents(e, next), {3, 4}, [&](auto i) {
      return norm(norm(first(i[0], i[1]), 4, i[1]) + at(single, i), 6, i[1]) + at(vectors[7], {i[1]});
    });
    expect(machine::contents(e, taken), {2, 4}, [&](auto i) { return first(i[0] == 0 ? 2 : 0, i[1]); });
  };
  in_each_mode(check);
}

TEST_CASE("numbers in structs") {
  const auto x = counting<tensor<float, dyn>>({6}), bias = counting<tensor<float, dyn>>({6}, 10);
  in_each_mode([&](auto& e) {
    const auto device_x = machine::fresh(e, x), device_bias = machine::fresh(e, bias);
    for (bool on : {false, true}) {
      const sampling<value_or_view> s{0.5f, device_bias.view(), 2, on};
      expect(machine::contents(e, sampled(e, device_x, s)), {6},
             [&](auto i) { return on && i[0] >= 2 ? at(x, i) * 0.5 + at(bias, i) : at(x, i); });
    }
  });
}

constexpr auto many_outputs = fx::compile<"many_outputs">([](auto x, auto y) {
  auto h = x + y;
  return fx::outputs(h, x, fx::cast<fx::dtype::f16>(h), fx::sum(h, fx::axis<-1>), fx::transpose(h), h > 4.f, h,
                     fx::cast<fx::dtype::i64>(fx::max(x, fx::row)), fx::reshape(h, fx::infer));
});
TEST_CASE("several outputs of several dtypes, ranks and lengths; the same value twice; an argument itself") {
  const auto x = counting<tensor<float, dyn, 5>>({3, 5});
  const auto y = counting<tensor<float, 5>>({5}, -6);
  auto h = [&](fx::index r, fx::index c) { return at(x, {r, c}) + at(y, {c}); };
  run(
      many_outputs,
      [&](const auto& sum, const auto& argument, const auto& half, const auto& row, const auto& transposed,
          const auto& large, const auto& again, const auto& most, const auto& flat) {
        expect(sum, {3, 5}, [&](auto i) { return h(i[0], i[1]); });
        expect(argument, {3, 5}, [&](auto i) { return at(x, i); });
        expect(half, {3, 5}, [&](auto i) { return h(i[0], i[1]); });
        expect(row, {3}, [&](auto i) { return h(i[0], 0) + h(i[0], 1) + h(i[0], 2) + h(i[0], 3) + h(i[0], 4); });
        expect(transposed, {5, 3}, [&](auto i) { return h(i[1], i[0]); });
        expect(large, {3, 5}, [&](auto i) { return double(h(i[0], i[1]) > 4); });
        expect(again, {3, 5}, [&](auto i) { return h(i[0], i[1]); });
        expect(most, {3, 1}, [&](auto i) { return at(x, {i[0], 4}); });
        expect(flat, {15}, [&](auto i) { return h(i[0] / 5, i[0] % 5); });
      },
      x, y);
}

constexpr auto two_results = fx::compile<"two_results">([](auto x, auto y) {
  auto h = x * 2 + y;
  return fx::outputs(h, h - fx::max(h, fx::row));
});
TEST_CASE_TEMPLATE("inputs and outputs with any strides", T, float, fx::bf16, std::int8_t) {
  const auto memory = counting<tensor<T, 200>>({200}, -40);
  using matrix = fx::extents<dyn, dyn>;
  struct layout {
    const char* name;
    std::array<fx::index, 2> strides;
    fx::index first;
  };
  const layout layouts[] = {
      {"rows with gaps", {9, 1}, 0},       {"every other column", {20, 2}, 1},    {"transposed", {1, 5}, 3},
      {"rows from the last", {-7, 1}, 40}, {"columns from the last", {8, -1}, 6}, {"both", {-7, -1}, 60}};
  in_each_mode([&](auto& e) {
    const auto input = machine::fresh(e, memory);
    for (const layout& in : layouts)
      for (const layout& out : layouts) {
        CAPTURE(in.name);
        CAPTURE(out.name);
        const auto x = strided_view<matrix>(input, {4, 5}, in.strides, in.first);
        const auto repeated = strided_view<matrix>(input, {4, 5}, {0, 1}, 11);  // one row, four times
        const auto first = machine::fresh(e, memory), second = machine::fresh(e, memory);
        two_results(e,
                    fx::out(strided_view<matrix>(first, {4, 5}, out.strides, out.first),
                            strided_view<matrix>(second, {4, 5}, in.strides, in.first)),
                    x, repeated);
        auto h = [&](fx::index r, fx::index c) {
          const fx::index place = in.first + r * in.strides[0] + c * in.strides[1];
          return 2 * at(memory, {place}) + at(memory, {11 + c});
        };
        auto most = [&](fx::index r) { return std::max({h(r, 0), h(r, 1), h(r, 2), h(r, 3), h(r, 4)}); };
        // Everything but the elements of the view is as it was.
        auto expected = [&](const layout& l, bool centred) {
          std::vector<double> v;
          for (fx::index i = 0; i < 200; ++i) v.push_back(at(memory, {i}));
          for (fx::index r = 0; r < 4; ++r)
            for (fx::index c = 0; c < 5; ++c)
              v[std::size_t(l.first + r * l.strides[0] + c * l.strides[1])] =
                  double(numbers::value(numbers::from<T>(h(r, c) - (centred ? most(r) : 0))));
          return v;
        };
        const auto plain = expected(out, false), centred = expected(in, true);
        expect(machine::contents(e, first), {200}, [&](auto i) { return plain[std::size_t(i[0])]; });
        expect(machine::contents(e, second), {200}, [&](auto i) { return centred[std::size_t(i[0])]; });
      }
  });
}

TEST_CASE_TEMPLATE("memory that starts at any element", T, float, double, fx::f16, std::uint8_t) {
  const auto memory = counting<tensor<T, 400>>({400});
  using row_major = fx::view<T, fx::extents<dyn, dyn>>;
  in_each_mode([&](auto& e) {
    const auto input = machine::fresh(e, memory);
    for (fx::index at_x : {0, 1, 2, 3, 8})
      for (fx::index at_out : {0, 1, 5, 16}) {
        CAPTURE(at_x);
        CAPTURE(at_out);
        const auto first = machine::fresh(e, memory), second = machine::fresh(e, memory);
        two_results(e, fx::out(row_major(first.data() + at_out, {3, 32}), row_major(second.data() + 7, {3, 32})),
                    row_major(input.data() + at_x, {3, 32}), row_major(input.data() + 200, {3, 32}));
        auto h = [&](fx::index i) { return 2 * at(memory, {at_x + i}) + at(memory, {200 + i}); };
        expect(machine::contents(e, first), {400}, [&](auto i) {
          const fx::index n = i[0] - at_out;
          return n >= 0 && n < 96 ? double(numbers::value(numbers::from<T>(h(n)))) : at(memory, i);
        });
        const auto centred = machine::contents(e, second);
        CHECK(numbers::value(centred[6]) == at(memory, {6}));
        CHECK(numbers::value(centred[7 + 96]) == at(memory, {7 + 96}));
      }
  });
}

constexpr auto in_place = fx::compile<"in_place">([](auto x, auto y) { return fx::outputs(x + y, x - y); });
constexpr auto centred_in_place = fx::compile<"centred_in_place">([](auto x) { return x - fx::max(x, fx::row); });
TEST_CASE("outputs in place of inputs that are read at the same element") {
  const auto x = counting<tensor<float, dyn, 40>>({5, 40}), y = counting<tensor<float, dyn, 40>>({5, 40}, 7);
  machine::fused_executor e;
  SUBCASE("both, crosswise") {
    const auto a = machine::fresh(e, x), b = machine::fresh(e, y);
    in_place(e, fx::out(b, a), a, b);
    expect(machine::contents(e, b), {5, 40}, [&](auto i) { return at(x, i) + at(y, i); });
    expect(machine::contents(e, a), {5, 40}, [&](auto i) { return at(x, i) - at(y, i); });
  }
  SUBCASE("one memory for both inputs and an output") {
    const auto a = machine::fresh(e, x), other = machine::fresh(e, y);
    in_place(e, fx::out(a, other), a, a);
    expect(machine::contents(e, a), {5, 40}, [&](auto i) { return 2 * at(x, i); });
    expect(machine::contents(e, other), {5, 40}, [&](auto) { return 0.; });
  }
  SUBCASE("strided memory") {
    using matrix = fx::extents<5, 8>;
    const auto a = machine::fresh(e, x), other = machine::fresh(e, y);
    const auto part = strided_view<matrix>(a, {5, 8}, {40, 3}, 2);
    in_place(e, fx::out(part, strided_view<matrix>(other, {5, 8}, {8, 1})), part, part);
    expect(machine::contents(e, a), {5, 40}, [&](auto i) {
      const fx::index c = i[1] - 2;
      return c >= 0 && c % 3 == 0 && c < 24 ? 2 * at(x, i) : at(x, i);
    });
  }
  SUBCASE("a row, once all of it has been read") {
    const auto a = machine::fresh(e, x);
    bool refused = false;
    try {
      centred_in_place(e, fx::out(a), a);
    } catch (const fx::error&) {
      refused = true;  // allowed too, but then nothing may have happened
    }
    expect(machine::contents(e, a), {5, 40}, [&](auto i) {
      double most = 0;
      for (fx::index c = 0; c < 40; ++c) most = std::max(most, at(x, {i[0], c}));
      return at(x, i) - (refused ? 0 : most);
    });
  }
}

constexpr auto constants = fx::compile<"constants">(
    [](auto x) { return fx::outputs(fx::sum(x, fx::axis<-1>) * 0.f + 3.f, fx::iota_along<0>(x), x * 0.f + 2.f); });
TEST_CASE("tensors of rank 0 and lengths of 0 and 1") {
  const tensor<float, dyn> none({0}), one({1}, {5});
  const tensor<float> scalar({}, {7});
  auto check = [&](fx::index n, double value) {
    return [n, value](const auto& sum, const auto& counted, const auto& two) {
      expect(sum, {}, [&](auto) { return 3.; });
      expect(counted, {n}, [&](auto i) { return double(i[0]); });
      expect(two, {n}, [&](auto) { return value; });
    };
  };
  run(constants, check(0, 0), none);
  run(constants, check(1, 2), one);
  run(
      two_results, [&](const auto& h, const auto&) { expect(h, {1}, [](auto) { return 17.; }); }, one, scalar);
}
