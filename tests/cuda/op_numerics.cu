// SPDX-License-Identifier: Apache-2.0
// Every pointwise operation's device evaluators: floats against the operation in f64 on the host, which tests/op holds
// to an independent oracle; integers against the host's, exactly.
#include <doctest/doctest.h>

#include <cuda_runtime.h>
#include <string>

#include "../op/contracts.hpp"
#include "../op/evaluate.hpp"
#include "../op/oracle.hpp"

namespace {

namespace ops = fuse::ops;

#define REQUIRE_CUDA(call)                                                                            \
  do {                                                                                                \
    const cudaError_t status = (call);                                                                \
    REQUIRE_MESSAGE(status == cudaSuccess, #call << ": " << std::string(cudaGetErrorString(status))); \
  } while (false)

template <class F, class T>
__global__ void evaluate_each(const T* in, T* out, int count) {
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= count) return;
  T x[F::arity];
  for (int k = 0; k < F::arity; ++k) x[k] = in[k * count + i];
  if constexpr (std::is_same_v<T, float>) {
    constexpr auto f = fuse::op_entry<F>::info.device.f32;
    out[i] = f(x);
  } else if constexpr (std::is_same_v<T, double>) {
    constexpr auto f = fuse::op_entry<F>::info.device.f64;
    out[i] = f(x);
  } else if constexpr (std::is_same_v<T, std::int32_t>) {
    constexpr auto f = fuse::op_entry<F>::info.device.i32;
    out[i] = f(x);
  } else {
    constexpr auto f = fuse::op_entry<F>::info.device.i64;
    out[i] = f(x);
  }
}

/// An operation as the checks below see it: compiled once for each type, not for each operation.
template <class T>
struct tested {
  const char* name;
  int arity;
  void (*kernel)(const T*, T*, int);
};
template <class F, class T>
constexpr tested<T> tested_op{F::name, F::arity, evaluate_each<F, T>};

template <class T>
using columns = std::vector<std::vector<T>>;

template <class T>
std::vector<T> on_device(const tested<T>& op, const columns<T>& operand) {
  const std::size_t count = operand[0].size(), bytes = count * sizeof(T);
  T *in = nullptr, *out = nullptr;
  REQUIRE_CUDA(cudaMalloc(&in, operand.size() * bytes));
  REQUIRE_CUDA(cudaMalloc(&out, bytes));
  for (std::size_t k = 0; k < operand.size(); ++k)
    REQUIRE_CUDA(cudaMemcpy(in + k * count, operand[k].data(), bytes, cudaMemcpyHostToDevice));
  op.kernel<<<unsigned((count + 127) / 128), 128>>>(in, out, int(count));
  REQUIRE_CUDA(cudaGetLastError());
  std::vector<T> result(count);
  REQUIRE_CUDA(cudaMemcpy(result.data(), out, bytes, cudaMemcpyDeviceToHost));
  REQUIRE_CUDA(cudaFree(in));
  REQUIRE_CUDA(cudaFree(out));
  return result;
}

template <class T>
columns<T> tuples(int arity, const std::vector<T>& values) {
  std::vector<std::vector<T>> r(arity);
  std::size_t count = 1;
  for (int k = 0; k < arity; ++k) count *= values.size();
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t k = 0, rest = i; k < r.size(); ++k, rest /= values.size())
      r[k].push_back(values[rest % values.size()]);
  return r;
}

/// Corners and magnitudes for one operand; pairs and triples of special and of everyday values for more.
template <class T>
columns<T> operands(int arity) {
  if (arity == 1) return {oracle::all_magnitudes<T>(4000)};
  using limits = std::numeric_limits<T>;
  std::vector<T> special{0, T(0.3), T(0.5), 1, 2, T(3.7), 1000, limits::min(), limits::max(), limits::infinity()};
  for (std::size_t i = 0, n = special.size(); i < n; ++i) special.push_back(-special[i]);
  special.push_back(limits::quiet_NaN());
  columns<T> r = tuples(arity, special);
  for (int k = 0; k < arity; ++k)
    for (T x : oracle::uniform<T>(-10, 10, 2000, unsigned(k + 1))) r[k].push_back(x);
  return r;
}

/// The operation in f64 on the host, and the error in ulp that it may have at x where its value is exact.
template <class F>
double exact_value(const double* x) {
  return ops::call<F>(x, std::make_index_sequence<std::size_t(F::arity)>{});
}
template <class F, class T>
double allowed_error(const double* x, double exact) {
  const std::string name = F::name;
  if constexpr (requires { contracts::of<F>::f32; }) {
    if (sizeof(T) == 8) return contracts::allowed<F>(contracts::evaluator::f64, x[0], oracle::ulp<double>(exact)) + 2;
    return contracts::allowed<F>(contracts::evaluator::f32_device, x[0], oracle::ulp<float>(exact));
  } else if (name == "lerp") {  // relative to what it adds, where that does not overflow
    const double scale = std::fmax(std::fabs(x[0]), std::fabs(x[1])) * (1 + std::fabs(x[2]));
    return scale < 1e30 ? 2 * double(oracle::ulp<T>(scale) / oracle::ulp<T>(exact)) : INFINITY;
  } else if (sizeof(T) == 8) {
    return 2;
  } else {  // those not listed are rounded at most once
    return name == "pow" ? 8 : name == "atan2" || name == "elu" ? 3 : name == "floor_divide" ? 1 : 0.5001;
  }
}

template <class T>
void check_floats(const tested<T>& op, double (*exact_value)(const double*), double (*allowed)(const double*, double)) {
  const columns<T> in = operands<T>(op.arity);
  const std::vector<T> got = on_device(op, in);
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    double x[3]{};
    for (int k = 0; k < op.arity; ++k) x[k] = double(in[k][i]);
    const double exact = exact_value(x);
    // minimum and maximum may take either of two zeros
    const double error = exact == 0 && got[i] == 0 ? 0 : oracle::error(got[i], oracle::wider<T>(exact));
    const double limit = allowed(x, exact);
    if (limit < INFINITY) worst = std::max(worst, error);
    if (error <= limit) continue;
    CAPTURE(x[0]);
    CAPTURE(x[1]);
    CAPTURE(x[2]);
    CAPTURE(got[i]);
    CAPTURE(exact);
    FAIL_CHECK(std::string(op.name) << " errs by " << error << " ulp");
    break;
  }
  MESSAGE(std::string(op.name) << (sizeof(T) == 4 ? " in f32" : " in f64") << ": at most " << worst << " ulp");
}

template <class T>
void check_integers(const tested<T>& op, T (*exact_value)(const T*)) {
  using limits = std::numeric_limits<T>;
  std::vector<T> values{0, 1, 2, 3, 7, 31, 32, 64, 255, 65537, limits::max(), limits::max() / 3};
  for (std::size_t i = 0, n = values.size(); i < n; ++i) values.push_back(T(-values[i]));
  values.push_back(limits::min());
  const columns<T> in = tuples(op.arity, values);
  const std::vector<T> got = on_device(op, in);
  int wrong = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    T x[3]{};
    for (int k = 0; k < op.arity; ++k) x[k] = in[k][i];
    if (got[i] == exact_value(x) || wrong++) continue;
    CAPTURE(x[0]);
    CAPTURE(x[1]);
    CAPTURE(x[2]);
    CAPTURE(got[i]);
    FAIL_CHECK(std::string(op.name) << " on " << 8 * sizeof(T) << "-bit integers");
  }
  CHECK(wrong == 0);
}

/// The host's pack evaluator, whose integers wrap as a device's do.
template <class F, class T>
T exact_integer(const T* x) {
  fuse::pack<T, fuse::host_lanes> in[std::size_t(F::arity)];
  for (int k = 0; k < F::arity; ++k) in[k] = x[k];
  return fuse::packs::lane(fuse::op_of<F>.host.template get<T>()(in), 0);
}

}  // namespace

TEST_CASE("device evaluators on f32 stay within their operations' bounds") {
  ops::all_pointwise::each([](auto functor) {
    using F = typename decltype(functor)::type;
    if constexpr (ops::on_floats<F>) check_floats(tested_op<F, float>, exact_value<F>, allowed_error<F, float>);
  });
}
TEST_CASE("device evaluators on f64 stay within their operations' bounds") {
  ops::all_pointwise::each([](auto functor) {
    using F = typename decltype(functor)::type;
    if constexpr (ops::on_floats<F>) check_floats(tested_op<F, double>, exact_value<F>, allowed_error<F, double>);
  });
}
TEST_CASE("device evaluators on integers agree with the host's") {
  ops::all_pointwise::each([](auto functor) {
    using F = typename decltype(functor)::type;
    if constexpr (ops::on_integers<F>) {
      check_integers(tested_op<F, std::int32_t>, exact_integer<F, std::int32_t>);
      check_integers(tested_op<F, std::int64_t>, exact_integer<F, std::int64_t>);
    }
  });
}
