// SPDX-License-Identifier: Apache-2.0
// The one exception type of the library. Its text says which function, what was expected, what came, and what to do.
#pragma once
#include <cstdint>
#include <exception>
#include <fuse/text.hpp>

namespace fuse {

enum class error_category : std::uint8_t {
  extents,   // lengths that do not fit together
  argument,  // a null, misplaced or overlapping buffer
  mode,      // something this program was not built for
  memory,    // an allocation failed
  cuda,      // a CUDA call failed
  capture,   // a call that cannot be part of a captured graph
};

class error : public std::exception {
 public:
  error(error_category category, text what) : category_(category), what_(std::move(what)) {}
  error_category category() const noexcept { return category_; }
  const char* what() const noexcept override { return what_.c_str(); }

 private:
  error_category category_;
  text what_;
};

}  // namespace fuse
