// SPDX-License-Identifier: Apache-2.0
// Runs generated programs, fused and eager, and compares them with what the generator computed; their graphs and plans
// are verified first. Compiled by nvcc it runs them on a device, otherwise on the host.
#pragma once
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <fuse/fuse.hpp>
#include <fuse/graph/verify.hpp>
#include <fuse/nn.hpp>
#include <fuse/plan/verify.hpp>
#include <tuple>
#include <vector>

namespace random_programs {

namespace fx = fuse;

/// Numbers in the order in which the programs ask for them: values of arguments, then value and bound of each output's
/// elements.
class number_file {
 public:
  explicit number_file(const char* path) : file_(path, std::ios::binary) {}
  void seek(std::int64_t numbers) {
    file_.clear();
    file_.seekg(numbers * 8);
  }
  std::vector<double> read(fx::index count) {
    std::vector<double> x(static_cast<std::size_t>(count));
    file_.read(reinterpret_cast<char*>(x.data()), count * 8);
    if (!file_) throw std::runtime_error("random: the file of numbers ends too early");
    return x;
  }

 private:
  std::ifstream file_;
};

template <class T>
double as_double(T x) {
  if constexpr (std::is_same_v<T, fx::f16> || std::is_same_v<T, fx::bf16>)
    return double(float(x));
  else
    return double(x);
}
template <class T>
T from_double(double x) {
  if constexpr (std::is_same_v<T, fx::f16> || std::is_same_v<T, fx::bf16>)
    return T(float(x));
  else
    return T(x);
}

class runner {
 public:
  explicit runner(const char* path) : numbers_(path) {}

  /// The next program; false where the user asked for another one only.
  bool begin(long seed, std::int64_t at) {
    seed_ = seed;
    at_ = at;
    if (only_ >= 0 && seed != only_) return false;
    numbers_.seek(at);
    return true;
  }
  void only(long seed) { only_ = seed; }

  template <class T, fx::index... E>
  auto argument(const std::array<fx::index, sizeof...(E)>& extents) {
    fx::tensor<T, fx::extents<E...>> x(extents);
    const auto values = numbers_.read(x.size());
    for (fx::index i = 0; i < x.size(); ++i) x[i] = from_double<T>(values[std::size_t(i)]);
    return x;
  }

  /// Eager: the plan of one kernel an operation too.
  template <bool Eager, class F, class... A>
  void check(const F& function, const A&... arguments) {
    ++programs_;
    outputs_.clear();
    failed_ = false;
    constexpr fx::modes built = Eager ? fx::modes::any : fx::modes::fused;
    try {
#if defined(__CUDACC__)
      fx::cuda_executor<built> fused{cudaStream_t{}};
      auto on_device = [&](const auto& x) {
        if constexpr (requires { x.data(); })
          return fused.upload(x);
        else
          return x;
      };
      [&](const auto&... device) {
        compare("fused, CUDA", fused, function(fused, device...));
        if constexpr (Eager) {
          fx::cuda_executor<built> eager(cudaStream_t{}, fx::mode::eager);
          compare("eager, CUDA", eager, function(eager, device...));
        }
      }(on_device(arguments)...);
#else
      verify<fx::planned<typename F::function, fx::planning::policy::fused, 0, A...>>("fused");
      if constexpr (Eager) verify<fx::planned<typename F::function, fx::planning::policy::eager, 0, A...>>("eager");
      fx::host_executor<built> fused;
      compare("fused, host", fused, function(fused, arguments...));
      if constexpr (Eager) {
        fx::host_executor<built> eager(fx::mode::eager);
        compare("eager, host", eager, function(eager, arguments...));
      }
#endif
    } catch (const std::exception& e) {
      std::printf("random: program %ld: %s\n", seed_, e.what());
      failed_ = true;
    }
    failures_ += failed_;
  }

  /// 0, or 1 if a program failed or none ran.
  int report() const {
    std::printf("random: %ld programs, %ld failed; %lld elements compared, %lld of unknown value\n", programs_,
                failures_, compared_, unknown_);
    return failures_ > 0 || programs_ == 0 || compared_ == 0;
  }

 private:
  struct expected {
    std::vector<double> value_and_bound;
  };

  template <class Source>
  void verify(const char* how) {
    constexpr auto graph = fx::verification::verify_graph(Source::graph);
    constexpr auto plan = fx::verification::verify_plan<Source>();
    if (graph) std::printf("random: program %ld: graph: fault %d at %d\n", seed_, int(graph.fault), graph.at);
    if (plan)
      std::printf("random: program %ld: plan, %s: fault %d, kernel %d, at %d\n", seed_, how, int(plan.fault),
                  plan.kernel, plan.at);
    failed_ = failed_ || graph || plan;
  }

  template <class Executor, class Result>
  void compare(const char* how, Executor& executor, const Result& result) {
    std::size_t number = 0;
    auto one = [&](const auto& x) {
#if defined(__CUDACC__)
      compare_output(how, number++, executor.download(x));
#else
      executor.synchronize();
      compare_output(how, number++, x);
#endif
    };
    if constexpr (requires { result.data(); })
      one(result);
    else
      std::apply([&](const auto&... x) { (one(x), ...); }, result);
  }

  template <class T>
  void compare_output(const char* how, std::size_t number, const T& x) {
    if (number == outputs_.size()) outputs_.push_back({numbers_.read(2 * x.size())});
    const auto& want = outputs_[number].value_and_bound;
    if (want.size() != std::size_t(2 * x.size()))
      throw std::runtime_error("random: an output has another size than expected");
    long wrong = 0;
    for (fx::index i = 0; i < x.size(); ++i) {
      const double value = want[std::size_t(2 * i)], bound = want[std::size_t(2 * i + 1)], got = as_double(x[i]);
      if (std::isinf(bound)) {
        ++unknown_;
        continue;
      }
      ++compared_;
      if (std::fabs(got - value) <= bound) continue;
      if (wrong++ == 0)
        std::printf("random: program %ld: %s: output %zu, element %lld: expected %.17g +- %.3g, got %.17g\n", seed_,
                    how, number, static_cast<long long>(i), value, bound, got);
    }
    if (wrong > 0) {
      std::printf("random: program %ld: %s: output %zu: %ld of %lld elements are wrong\n", seed_, how, number, wrong,
                  static_cast<long long>(x.size()));
      failed_ = true;
    }
  }

  number_file numbers_;
  std::vector<expected> outputs_;
  long seed_ = 0, only_ = -1, programs_ = 0, failures_ = 0;
  std::int64_t at_ = 0;
  long long compared_ = 0, unknown_ = 0;
  bool failed_ = false;
};

}  // namespace random_programs
