// SPDX-License-Identifier: Apache-2.0
// Buckets: the lengths that graphs are captured for.
#pragma once
#include <algorithm>
#include <fuse/error.hpp>
#include <initializer_list>
#include <vector>

namespace fuse {

class buckets {
 public:
  /// Every length is its own bucket.
  buckets() = default;
  static buckets powers_of_two(index longest) { return buckets(kind::powers, 0, longest); }
  static buckets multiples_of(index step, index longest) {
    if (step < 1)
      throw error(error_category::argument, text("fuse::buckets: expected a step of at least 1, got ") << step);
    return buckets(kind::multiples, step, longest);
  }
  static buckets of(std::initializer_list<index> lengths) {
    buckets b(kind::list, 0, 0);
    b.list_ = lengths;
    std::sort(b.list_.begin(), b.list_.end());
    if (b.list_.empty() || b.list_.front() < 1)
      throw error(error_category::argument, "fuse::buckets: expected lengths of at least 1");
    b.longest_ = b.list_.back();
    return b;
  }

  /// The length that n elements are padded to. Throws where n is longer than the longest bucket.
  index operator()(index n) const {
    if (kind_ == kind::none) return n;
    if (n > longest_)
      throw error(error_category::extents, text("fuse::buckets: a padded argument has the length ")
                                               << n << ", the longest bucket is " << longest_);
    index m = 1;
    switch (kind_) {
      case kind::powers:
        while (m < n) m *= 2;
        return std::min(m, longest_);
      case kind::multiples:
        return std::min(std::max<index>((n + step_ - 1) / step_, 1) * step_, longest_);
      default:
        return *std::lower_bound(list_.begin(), list_.end(), n);
    }
  }
  /// All of them, the longest first: the order to warm up in. Empty for buckets of every length.
  std::vector<index> lengths() const {
    std::vector<index> all;
    for (index n = longest_; kind_ != kind::none && n > 0; n = all.back() - 1) {
      const index m = all.empty() ? longest_ : below(n);
      if (m <= 0) break;
      all.push_back(m);
    }
    return all;
  }

 private:
  enum class kind : std::uint8_t { none, powers, multiples, list };
  buckets(kind k, index step, index longest) : kind_(k), step_(step), longest_(longest) {
    if (k != kind::list && longest < 1)
      throw error(error_category::argument, text("fuse::buckets: expected a longest bucket of at least 1, got ")
                                                << longest);
  }
  /// The longest bucket of at most n elements, or 0.
  index below(index n) const {
    index m = 1;
    switch (kind_) {
      case kind::powers:
        while (m * 2 <= n) m *= 2;
        return m;
      case kind::multiples:
        return n / step_ * step_;
      default: {
        const auto above = std::upper_bound(list_.begin(), list_.end(), n);
        return above == list_.begin() ? 0 : *(above - 1);
      }
    }
  }

  kind kind_ = kind::none;
  index step_ = 0, longest_ = 0;
  std::vector<index> list_;
};

}  // namespace fuse
