// SPDX-License-Identifier: Apache-2.0
// Calls that are wrong: each is refused with what was expected and what came, before anything runs. No kernel is
// launched, no byte of an output changes, and the next call works. Mistakes that the compiler sees are in tests/fail.
#if defined(__GNUC__) && !defined(__clang__) && !defined(__CUDACC__)
#pragma GCC optimize("O1")  // many kernels: a third less compile time
#endif
#include <cstdlib>
#include <cstring>

#include "../exec/support/places.hpp"

using namespace places;
using category = fx::error_category;

namespace {

using vector = tensor<float, dyn>;
using matrix = tensor<float, dyn, dyn>;
using cube = tensor<float, dyn, dyn, dyn>;
using strided_vector = fx::view<float, fx::extents<dyn>, fx::strided>;

constexpr auto add = fx::compile<"add">([](auto x, auto y) { return x + y; });

/// An executor, memory for outputs whose every byte is known, and the functions that hold a call to the rules above.
struct bench {
  static constexpr int bytes = 4096;
  machine::fused_executor e;
  tensor<std::uint8_t, bytes> marked{{bytes}};
  tensor<std::uint8_t, bytes> memory;

  bench() {
    std::memset(marked.data(), 0xa5, bytes);
    memory = machine::fresh(e, marked);
  }
  /// Output memory `offset` bytes in.
  template <class T = float>
  T* at(int offset = 0) const {
    return reinterpret_cast<T*>(memory.data() + offset);
  }
  template <class Tensor>
  Tensor input(const typename Tensor::lengths& extents) {
    return machine::fresh(e, counting<Tensor>(extents));
  }
  fx::view<float, fx::extents<dyn>> out_vector(fx::index n, int offset = 0) const { return {at(offset), {n}}; }
  fx::view<float, fx::extents<dyn, dyn>> out_matrix(fx::index m, fx::index n, int offset = 0) const {
    return {at(offset), {m, n}};
  }

  bool untouched() { return std::memcmp(machine::contents(e, memory).data(), marked.data(), bytes) == 0; }

  /// The words, among others, that the error of the call says.
  template <class Call>
  void refuse(category kind, std::initializer_list<const char*> words, const Call& call) {
    const std::int64_t before = e.launches();
    std::string said;
    try {
      call();
    } catch (const fx::error& error) {
      said = error.what();
      CHECK(error.category() == kind);
    }
    CAPTURE(said);
    CHECK(said.rfind("fuse", 0) == 0);
    for (const char* word : words) {
      CAPTURE(std::string(word));
      CHECK(said.find(word) != std::string::npos);
    }
    CHECK(e.launches() == before);
    CHECK(untouched());
    const auto next = machine::contents(e, add(e, input<vector>({5}), input<vector>({5})));
    expect(next, {5}, [](auto i) { return 2. * double(i[0]); });
  }
  /// The valid twin of such a call: it runs, and writes.
  template <class Call>
  void accept(const Call& call) {
    CHECK_NOTHROW(call());
    CHECK_FALSE(untouched());
  }
};

template <template <class, class> class Tensor>
struct mlp_weights {
  using matrix = Tensor<float, fx::extents<dyn, dyn>>;
  using vector = Tensor<float, fx::extents<dyn>>;
  BOOST_HANA_DEFINE_STRUCT(mlp_weights, (matrix, up), (vector, bias), (matrix, down));
};
constexpr auto mlp =
    fx::compile<"mlp">([](auto x, auto w) { return fx::linear(fx::relu(fx::linear(x, w.up, w.bias)), w.down); });

}  // namespace

// ---- lengths that do not fit together

TEST_CASE("operands of different lengths") {
  bench b;
  const auto x = b.input<matrix>({3, 4}), longer = b.input<matrix>({3, 5}), same = b.input<matrix>({3, 4});
  b.refuse(category::extents, {"fuse::add:", "4 (axis 1 of argument 0)", "5 (axis 1 of argument 1)"},
           [&] { add(b.e, fx::out(b.out_matrix(3, 4)), x, longer); });
  b.refuse(category::extents, {"fuse::add:", "4 (axis 1 of argument 0)"}, [&] { add(b.e, x, longer); });
  b.accept([&] { add(b.e, fx::out(b.out_matrix(3, 4)), x, same); });
}
TEST_CASE("a dynamic length of 1 does not broadcast") {
  bench b;
  const auto x = b.input<matrix>({3, 4}), row = b.input<matrix>({1, 4});
  b.refuse(category::extents, {"fuse::add:", "3 (axis 0 of argument 0)", "1 (axis 0 of argument 1)"},
           [&] { add(b.e, fx::out(b.out_matrix(3, 4)), x, row); });
}
TEST_CASE("a dynamic length that meets a static one") {
  bench b;
  const auto x = b.input<vector>({7});
  const auto eight = b.input<tensor<float, 8>>({8});
  b.refuse(category::extents, {"fuse::add:", "7 (axis 0 of argument 0)", "8"},
           [&] { add(b.e, fx::out(b.out_vector(8)), x, eight); });
  const auto fits = b.input<vector>({8});
  b.accept([&] { add(b.e, fx::out(b.out_vector(8)), fits, eight); });
}
constexpr auto joined_and_added =
    fx::compile<"joined_and_added">([](auto x, auto y) { return fx::concat<0>(x, x) + y; });
TEST_CASE("a length computed in the function") {
  bench b;
  const auto x = b.input<vector>({3}), y = b.input<vector>({7}), fits = b.input<vector>({6});
  b.refuse(category::extents, {"fuse::joined_and_added:", "6 (computed", "7 (axis 0 of argument 1)"},
           [&] { joined_and_added(b.e, fx::out(b.out_vector(7)), x, y); });
  b.accept([&] { joined_and_added(b.e, fx::out(b.out_vector(6)), x, fits); });
}
TEST_CASE("members of a struct are called by their names") {
  bench b;
  const auto x = b.input<matrix>({2, 4}), up = b.input<matrix>({6, 4}), down = b.input<matrix>({4, 6}),
             wrong = b.input<matrix>({4, 5});
  const auto bias = b.input<vector>({6}), short_bias = b.input<vector>({5});
  auto call = [&](const matrix& d, const vector& v) {
    mlp(b.e, fx::out(b.out_matrix(2, 4)), x, mlp_weights<fx::storage>{up, v, d});
  };
  b.refuse(category::extents, {"fuse::mlp: matmul", "5 (axis 1 of argument 1.down)", "6 (axis 0 of argument 1.up)"},
           [&] { call(wrong, bias); });
  b.refuse(category::extents, {"fuse::mlp: add", "5 (axis 0 of argument 1.bias)", "6 (axis 0 of argument 1.up)"},
           [&] { call(down, short_bias); });
  b.accept([&] { call(down, bias); });
}
constexpr auto product = fx::compile<"product">([](auto x, auto y) { return fx::matmul(x, y); });
TEST_CASE("inner lengths and batches of products") {
  bench b;
  const auto x = b.input<cube>({2, 3, 4}), inner = b.input<cube>({2, 5, 6}), batch = b.input<cube>({3, 4, 6}),
             fits = b.input<cube>({2, 4, 6});
  const fx::view<float, fx::extents<dyn, dyn, dyn>> out(b.at(), {2, 3, 6});
  b.refuse(category::extents, {"fuse::product: matmul", "4 (axis 2 of argument 0)", "5 (axis 1 of argument 1)"},
           [&] { product(b.e, fx::out(out), x, inner); });
  b.refuse(category::extents, {"fuse::product: matmul", "2 (axis 0 of argument 0)", "3 (axis 0 of argument 1)"},
           [&] { product(b.e, fx::out(out), x, batch); });
  b.accept([&] { product(b.e, fx::out(out), x, fits); });
}
constexpr auto joined = fx::compile<"joined">([](auto x, auto y) { return fx::concat<0>(x, y); });
TEST_CASE("concat of tensors that differ in another axis") {
  bench b;
  const auto x = b.input<matrix>({3, 4}), y = b.input<matrix>({2, 5}), fits = b.input<matrix>({2, 4});
  b.refuse(category::extents, {"fuse::joined: concat", "4 (axis 1 of argument 0)", "5 (axis 1 of argument 1)"},
           [&] { joined(b.e, fx::out(b.out_matrix(5, 4)), x, y); });
  b.accept([&] { joined(b.e, fx::out(b.out_matrix(5, 4)), x, fits); });
}
constexpr auto pairs = fx::compile<"pairs">([](auto x) { return fx::reshape(x, fx::infer, fx::size<2>) + 0.f; });
constexpr auto two_by_three =
    fx::compile<"two_by_three">([](auto x) { return fx::reshape(x, fx::size<2>, fx::size<3>) + 0.f; });
TEST_CASE("reshape to another number of elements") {
  bench b;
  const auto seven = b.input<vector>({7}), six = b.input<vector>({6});
  b.refuse(category::extents, {"fuse::pairs: reshape", "7"}, [&] { pairs(b.e, fx::out(b.out_matrix(3, 2)), seven); });
  b.refuse(category::extents, {"fuse::two_by_three: reshape", "7", "6"},
           [&] { two_by_three(b.e, fx::out(b.out_matrix(2, 3)), seven); });
  b.accept([&] { two_by_three(b.e, fx::out(b.out_matrix(2, 3)), six); });
}
constexpr auto inner_part = fx::compile<"inner_part">([](auto x) { return fx::slice<0, 2, 6>(x) * 2.f; });
TEST_CASE("slices past the end") {
  bench b;
  const auto four = b.input<vector>({4}), six = b.input<vector>({6});
  b.refuse(category::extents, {"fuse::inner_part: slice", "2 past the end"},
           [&] { inner_part(b.e, fx::out(b.out_vector(4)), four); });
  b.accept([&] { inner_part(b.e, fx::out(b.out_vector(4)), six); });
}
constexpr auto replaced = fx::compile<"replaced">([](auto x, auto i, auto v) { return fx::scatter<0>(x, i, v); });
TEST_CASE("scatter of other rows than there are indices, or of longer ones") {
  bench b;
  const auto x = b.input<matrix>({5, 4}), values = b.input<matrix>({2, 4}), more = b.input<matrix>({3, 4}),
             longer = b.input<matrix>({2, 5});
  const auto indices = b.input<tensor<std::int32_t, dyn>>({2});
  b.refuse(category::extents, {"fuse::replaced: scatter", "3 (axis 0 of argument 2)", "2 (axis 0 of argument 1)"},
           [&] { replaced(b.e, fx::out(b.out_matrix(5, 4)), x, indices, more); });
  b.refuse(category::extents, {"fuse::replaced: scatter", "5 (axis 1 of argument 2)", "4 (axis 1 of argument 0)"},
           [&] { replaced(b.e, fx::out(b.out_matrix(5, 4)), x, indices, longer); });
  b.accept([&] { replaced(b.e, fx::out(b.out_matrix(5, 4)), x, indices, values); });
}

// ---- outputs of the wrong lengths

constexpr auto two = fx::compile<"two">([](auto x) { return fx::outputs(x + 1.f, fx::sum(x, fx::axis<-1>)); });
TEST_CASE("outputs of other lengths than the results") {
  bench b;
  const auto x = b.input<matrix>({3, 4});
  b.refuse(category::extents, {"fuse::two:", "output 0", "axis 1", "expected the extent 4", "got 5"},
           [&] { two(b.e, fx::out(b.out_matrix(3, 5), b.out_vector(3, 2048)), x); });
  b.refuse(category::extents, {"fuse::two:", "output 1", "axis 0", "expected the extent 3", "got 2"},
           [&] { two(b.e, fx::out(b.out_matrix(3, 4), b.out_vector(2, 2048)), x); });
  b.refuse(category::extents, {"fuse::two:", "output 0", "axis 0", "expected the extent 3", "got 0"},
           [&] { two(b.e, fx::out(b.out_matrix(0, 4), b.out_vector(3, 2048)), x); });
  b.accept([&] { two(b.e, fx::out(b.out_matrix(3, 4), b.out_vector(3, 2048)), x); });
}

// ---- pointers

TEST_CASE("null pointers") {
  bench b;
  const auto x = b.input<vector>({5});
  const fx::view<float, fx::extents<dyn>> null(nullptr, {5}), nothing(nullptr, {0});
  b.refuse(category::argument, {"fuse::add:", "argument 1", "null", "20 bytes"},
           [&] { add(b.e, fx::out(b.out_vector(5)), x, null); });
  b.refuse(category::argument, {"fuse::add:", "output 0", "null", "20 bytes"}, [&] { add(b.e, fx::out(null), x, x); });
  b.refuse(category::argument, {"fuse::two:", "output 1", "null"}, [&] {
    two(b.e, fx::out(b.out_matrix(5, 1), null), fx::view<float, fx::extents<dyn, dyn>>(x.data(), {5, 1}));
  });
  CHECK_NOTHROW(add(b.e, fx::out(nothing), nothing, nothing));  // nothing is read through it
  b.accept([&] { add(b.e, fx::out(b.out_vector(5)), x, x); });
}
TEST_CASE("a null pointer in a struct") {
  bench b;
  const auto x = b.input<matrix>({2, 4}), up = b.input<matrix>({6, 4}), down = b.input<matrix>({4, 6});
  const mlp_weights<fx::storage> w{up, {nullptr, {6}}, down};
  b.refuse(category::argument, {"fuse::mlp:", "argument 1.bias", "null", "24 bytes"},
           [&] { mlp(b.e, fx::out(b.out_matrix(2, 4)), x, w); });
}
TEST_CASE("pointers between elements") {
  bench b;
  const auto x = b.input<vector>({5}), more = b.input<vector>({8});
  const fx::view<float, fx::extents<dyn>> between(reinterpret_cast<float*>(reinterpret_cast<char*>(more.data()) + 2),
                                                  {5});
  const auto halves = b.input<tensor<fx::bf16, dyn>>({8});
  const fx::view<fx::bf16, fx::extents<dyn>> half_way(
      reinterpret_cast<fx::bf16*>(reinterpret_cast<char*>(halves.data()) + 1), {5});
  b.refuse(category::argument, {"fuse::add:", "argument 1", "not aligned", "4 bytes"},
           [&] { add(b.e, fx::out(b.out_vector(5)), x, between); });
  b.refuse(category::argument, {"fuse::add:", "output 0", "not aligned", "4 bytes"},
           [&] { add(b.e, fx::out(b.out_vector(5, 6)), x, x); });
  b.refuse(category::argument, {"fuse::add:", "argument 0", "not aligned", "2 bytes"},
           [&] { add(b.e, half_way, half_way); });
}

// ---- memory that is in the way

TEST_CASE("outputs that overlap each other") {
  bench b;
  const auto x = b.input<matrix>({4, 4});
  b.refuse(category::argument, {"fuse::two:", "output 1", "overlaps output 0"},
           [&] { two(b.e, fx::out(b.out_matrix(4, 4), b.out_vector(4)), x); });
  b.refuse(category::argument, {"fuse::two:", "output 1", "overlaps output 0"},
           [&] { two(b.e, fx::out(b.out_matrix(4, 4), b.out_vector(4, 60)), x); });
  b.accept([&] { two(b.e, fx::out(b.out_matrix(4, 4), b.out_vector(4, 64)), x); });
}
TEST_CASE("outputs that overlap an input they cannot replace") {
  bench b;
  // Inputs in the marked memory itself: what is refused leaves them, too.
  const auto x = b.out_vector(20), shifted = b.out_vector(20, 4), before = b.out_vector(20, 1024);
  const auto other = b.input<vector>({20});
  b.refuse(category::argument, {"fuse::add:", "output 0", "overlaps argument 0"},
           [&] { add(b.e, fx::out(shifted), x, other); });
  b.refuse(category::argument, {"fuse::add:", "output 0", "overlaps argument 1"},
           [&] { add(b.e, fx::out(x), other, shifted); });
  b.refuse(category::argument, {"fuse::add:", "output 0", "overlaps argument 1"},
           [&] { add(b.e, fx::out(before), x, strided_vector(b.at(1024 + 76), {20}, {-1})); });
  b.refuse(category::argument, {"fuse::product:", "output 0", "overlaps argument 0"}, [&] {
    const auto square = b.out_matrix(4, 4);
    product(b.e, fx::out(square), square, b.out_matrix(4, 4, 1024));
  });
  b.accept([&] { add(b.e, fx::out(before), x, other); });
}
TEST_CASE("an output whose elements share memory") {
  bench b;
  const auto x = b.input<vector>({20});
  b.refuse(category::argument, {"fuse::add:", "output 0", "stride 0 along axis 0"},
           [&] { add(b.e, fx::out(strided_vector(b.at(), {20}, {0})), x, x); });
  b.refuse(category::argument, {"fuse::replaced:", "output 0", "strided"}, [&] {
    const auto target = b.input<matrix>({5, 4}), values = b.input<matrix>({2, 4});
    const auto indices = b.input<tensor<std::int32_t, dyn>>({2});
    const fx::view<float, fx::extents<dyn, dyn>, fx::strided> gaps(b.at(), {5, 4}, {8, 1});
    replaced(b.e, fx::out(gaps), target, indices, values);
  });
}

constexpr auto pair = fx::compile<"pair">([](auto x) { return fx::outputs(x + 1.f, x * 2.f); });
TEST_CASE("outputs that lie between each other's elements, or an input's") {
  bench b;
  const auto x = b.input<vector>({5});
  auto value = [&](int i) {
    float v = 0;
    std::memcpy(&v, machine::contents(b.e, b.memory).data() + i * 4, 4);
    return v;
  };
  b.accept([&] { pair(b.e, fx::out(strided_vector(b.at(), {5}, {2}), strided_vector(b.at(4), {5}, {2})), x); });
  for (int i = 0; i < 5; ++i) {
    CHECK(value(2 * i) == float(i + 1));
    CHECK(value(2 * i + 1) == float(2 * i));
  }
  // The columns of a matrix of 7, from the end and from the beginning.
  b.accept([&] { pair(b.e, fx::out(strided_vector(b.at(4 * 28), {5}, {-7}), strided_vector(b.at(4), {5}, {7})), x); });
  using strided_matrix = fx::view<float, fx::extents<dyn, dyn>, fx::strided>;
  const auto m = b.input<matrix>({3, 4});
  b.accept([&] {  // the left and the right half of a matrix of 3 x 8
    pair(b.e, fx::out(strided_matrix(b.at(), {3, 4}, {8, 1}), strided_matrix(b.at(16), {3, 4}, {8, 1})), m);
  });
  b.accept([&] {  // the columns of an input that the output is written between
    add(b.e, fx::out(strided_vector(b.at(), {5}, {2})), strided_vector(b.at(4), {5}, {2}), x);
  });
}
TEST_CASE("strided outputs that share elements") {
  bench b;
  const auto x = b.input<vector>({5});
  const auto m = b.input<matrix>({3, 4});
  using strided_matrix = fx::view<float, fx::extents<dyn, dyn>, fx::strided>;
  b.refuse(category::argument, {"fuse::pair:", "output 1", "overlaps output 0"}, [&] {  // 0 2 4 6 8 and 1 4 7 10 13
    pair(b.e, fx::out(strided_vector(b.at(), {5}, {2}), strided_vector(b.at(4), {5}, {3})), x);
  });
  b.refuse(category::argument, {"fuse::pair:", "output 1", "overlaps output 0"}, [&] {  // columns 0 to 3 and 3 to 6
    pair(b.e, fx::out(strided_matrix(b.at(), {3, 4}, {8, 1}), strided_matrix(b.at(12), {3, 4}, {8, 1})), m);
  });
  b.refuse(category::argument, {"fuse::pair:", "output 1", "overlaps output 0"}, [&] {  // the same one backwards
    pair(b.e, fx::out(strided_vector(b.at(), {5}, {2}), strided_vector(b.at(32), {5}, {-2})), x);
  });
  b.refuse(category::argument, {"fuse::pair:", "output 0", "share memory"}, [&] {  // rows that overlap the next one
    pair(b.e, fx::out(strided_matrix(b.at(), {3, 4}, {3, 1}), b.out_matrix(3, 4, 1024)), m);
  });
  b.accept([&] { pair(b.e, fx::out(strided_matrix(b.at(), {3, 4}, {5, 1}), b.out_matrix(3, 4, 1024)), m); });
}

// ---- sizes that no memory has

constexpr auto products_of_all =
    fx::compile<"products_of_all">([](auto x, auto y) { return fx::unsqueeze<1>(x) * fx::unsqueeze<0>(y); });
constexpr auto flat_products = fx::compile<"flat_products">(
    [](auto x, auto y) { return fx::reshape(fx::unsqueeze<1>(x) * fx::unsqueeze<0>(y), fx::infer); });
TEST_CASE("sizes that overflow") {
  bench b;
  constexpr fx::index huge = fx::index(1) << 62, large = fx::index(1) << 40;
  b.refuse(category::memory, {"4611686018427387904 elements of 4 bytes"}, [&] { vector x({huge}); });
  b.refuse(category::memory, {"1099511627776 x 1099511627776 elements"}, [&] { matrix x({large, large}); });
  b.refuse(category::memory, {"0 x 4611686018427387904 elements"}, [&] { matrix x({0, huge}); });
  b.refuse(category::memory, {"elements of 4 bytes"}, [&] { b.e.empty<float, fx::extents<dyn>>({huge}); });
  b.refuse(category::memory, {"elements of 4 bytes"}, [&] { fx::view<float, fx::extents<dyn>>(b.at(), {huge}); });
  b.refuse(category::memory, {"elements of 4 bytes"}, [&] { strided_vector(b.at(), {5}, {huge}); });
  const strided_vector many(b.at(), {large}, {0});
  b.refuse(category::memory, {"elements of 4 bytes"}, [&] { products_of_all(b.e, many, many); });
  b.refuse(category::memory, {"fuse::flat_products", "1099511627776 x 1099511627776"},
           [&] { flat_products(b.e, many, many); });
  machine::any_executor eager(fx::mode::eager);
  constexpr auto summed = fx::compile<"summed">(
      [](auto x, auto y) { return fx::sum(fx::unsqueeze<1>(x) * fx::unsqueeze<0>(y), fx::axis<-1>); });
  b.refuse(category::memory, {"fuse::summed", "elements of 4 bytes"},
           [&] { summed(eager, fx::out(strided_vector(b.at(), {large}, {0})), many, many); });
}

// ---- what never becomes a call

TEST_CASE("views and tensors of other lengths than their types say") {
  bench b;
  using static_view = fx::view<float, fx::extents<3, dyn>>;
  b.refuse(category::extents, {"fuse::view:", "axis 0", "expected the extent 3", "got 4"}, [&] {
    static_view(b.at(), {4, 2});
  });
  b.refuse(category::extents, {"fuse::view:", "axis 1", "at least 0", "got -1"}, [&] { static_view(b.at(), {3, -1}); });
  b.refuse(category::extents, {"fuse::view:", "axis 0", "expected the extent 3", "got 5"},
           [&] { static_view{b.out_matrix(5, 2)}; });
  b.refuse(category::extents, {"fuse::tensor:", "expected 3 values", "got 2"}, [&] { vector({3}, {1, 2}); });
}
TEST_CASE("an executor without eager plans does not ignore that they are asked for") {
  bench b;
  for (const char* on : {"1", "true", "ON", "yes", "00", "offset"}) {
    CAPTURE(on);
    setenv("FUSE_ENFORCE_EAGER", on, 1);
    b.refuse(category::mode, {"FUSE_ENFORCE_EAGER", "modes::any"}, [] { machine::fused_executor{}; });
  }
  for (const char* off : {"", "0", "false", "False", "no", "OFF"}) {
    CAPTURE(off);
    setenv("FUSE_ENFORCE_EAGER", off, 1);
    CHECK_NOTHROW(machine::fused_executor{});
  }
  unsetenv("FUSE_ENFORCE_EAGER");
}
