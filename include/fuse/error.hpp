// SPDX-License-Identifier: Apache-2.0
// The one exception type of the library. Its text says which function, what was expected, what came, and what to do.
#pragma once
#include <cstdint>
#include <stdexcept>
#include <string>

namespace fuse {

enum class error_category : std::uint8_t {
  extents,   // lengths that do not fit together
  argument,  // a null, misplaced or overlapping buffer
  mode,      // something this program was not built for
  memory,    // an allocation failed
  cuda,      // a CUDA call failed
  capture,   // a call that cannot be part of a captured graph
};

class error : public std::runtime_error {
 public:
  error(error_category category, const std::string& text) : std::runtime_error(text), category_(category) {}
  error_category category() const noexcept { return category_; }

 private:
  error_category category_;
};

}  // namespace fuse
