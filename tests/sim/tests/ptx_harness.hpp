// SPDX-License-Identifier: Apache-2.0
// What the tests of the PTX machine share: a module that nvcc made of tests/sim/tests/kernels/<name>.cu, a device, and
// launches with typed arguments.
#pragma once

#include <doctest/doctest.h>

#include <cstring>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "../ptx/machine.hpp"

namespace sim_test {

inline std::string read_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw sim::error("sim: test: cannot read " + path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// A module on a device of its own.
class program {
 public:
  explicit program(const std::string& name)
      : text_(read_file(SIM_KERNEL_DIRECTORY "/" + name + ".ptx")), code_(sim::module::parse(text_, name + ".ptx")) {}
  static program of_text(const std::string& ptx) { return program(ptx, 0); }

  template <class T>
  std::uint64_t upload(const std::vector<T>& values) {
    const auto at = device_->allocate(values.size() * sizeof(T));
    device_->write(at, values.data(), values.size() * sizeof(T));
    return at;
  }
  template <class T>
  std::vector<T> download(std::uint64_t at, std::size_t count) {
    std::vector<T> values(count);
    device_->read(values.data(), at, count * sizeof(T));
    return values;
  }
  std::uint64_t allocate(std::size_t bytes) { return device_->allocate(bytes); }

  template <class... A>
  sim::report run(const std::string& kernel, sim::launch how, A... arguments) {
    const sim::kernel* entry = code_.find(kernel);
    REQUIRE_MESSAGE(entry != nullptr, kernel);
    REQUIRE(entry->parameters.size() == sizeof...(A));
    std::vector<std::byte> bytes(entry->parameter_bytes);
    std::size_t k = 0;
    const auto place = [&](const auto& value) {
      REQUIRE(entry->parameters[k].size == sizeof value);
      std::memcpy(bytes.data() + entry->parameters[k++].offset, &value, sizeof value);
    };
    (place(arguments), ...);
    return sim::run(code_, *entry, how, bytes, *device_);
  }
  template <class... A>
  sim::report run(const std::string& kernel, sim::dim grid, sim::dim block, A... arguments) {
    sim::launch how;
    how.grid = grid;
    how.block = block;
    return run(kernel, how, arguments...);
  }
  sim::memory& device() { return *device_; }
  const sim::module& code() const { return code_; }
  /// Line `number` of the PTX, from 1.
  std::string line(int number) const {
    std::stringstream lines(text_);
    std::string one;
    while (number-- > 0) std::getline(lines, one);
    return one;
  }

 private:
  program(const std::string& ptx, int) : text_(ptx), code_(sim::module::parse(ptx, "text")) {}
  std::string text_;
  sim::module code_;
  std::unique_ptr<sim::memory> device_ = std::make_unique<sim::memory>();
};

inline std::string texts(const sim::report& r) {
  std::string all;
  for (const auto& f : r.faults) all += to_string(f) + "\n";
  return all;
}
inline void check_clean(const sim::report& r) {
  INFO(texts(r));
  CHECK(r.faults.empty());
  CHECK(r.faults_left_out == 0);
  CHECK_FALSE(r.trapped);
}
/// The first fault of `kind`; fails where there is none.
inline sim::fault expect_fault(const sim::report& r, sim::fault_kind kind) {
  for (const auto& f : r.faults)
    if (f.kind == kind) return f;
  FAIL_CHECK("no fault of kind " << name(kind) << "; there are:\n" << texts(r));
  return {};
}

/// The fault of `kind` that names this block and thread and a PTX line with an instruction that begins so.
inline sim::fault expect_fault(const program& p, const sim::report& r, sim::fault_kind kind, const std::string& begins,
                               unsigned block, unsigned thread) {
  for (const auto& f : r.faults)
    if (f.kind == kind && f.instruction.substr(0, begins.size()) == begins &&
        f.block == std::array<unsigned, 3>{block, 0, 0} && f.thread == std::array<unsigned, 3>{thread, 0, 0}) {
      CHECK(p.line(f.line).find(f.instruction) != std::string::npos);
      return f;
    }
  FAIL_CHECK("no fault of kind " << name(kind) << " in `" << begins << "` of block " << block << ", thread " << thread
                                 << "; there are:\n"
                                 << texts(r));
  return {};
}

/// Bits that reach the corners: zeros, ones, extremes, powers of two, and random words.
inline std::vector<std::uint32_t> words(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  const std::uint32_t corners[] = {0,          1,          2,          31,         32,     33,
                                   0x7fffffff, 0x80000000, 0x80000001, 0xffffffff, 0xffff, 0x10000};
  std::vector<std::uint32_t> all(count);
  for (auto& w : all) w = random() % 3 == 0 ? corners[random() % std::size(corners)] : std::uint32_t(random());
  return all;
}

}  // namespace sim_test
