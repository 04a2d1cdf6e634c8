// SPDX-License-Identifier: Apache-2.0
// Do two tensors in memory share an element? Views that lie between each other's elements, such as the columns of one
// matrix, do not, though their ranges of addresses do.
#pragma once
#include <fuse/exec/bind.hpp>

namespace fuse::session {

/// Is there a sum of x_k step_k with whole 0 <= x_k <= most_k in [low, high]? Found by trying the longest steps first:
/// where each is longer than what the shorter ones reach, as in tensors, few x_k come into question.
class step_sums {
 public:
  void add(index stride, index most) {
    if (stride == 0 || most <= 0) return;
    int at = count_;
    while (at > 0 && terms_[at - 1].stride < stride) --at;
    if (at > 0 && terms_[at - 1].stride == stride) {
      terms_[at - 1].most += most;
      return;
    }
    for (int i = count_++; i > at; --i) terms_[i] = terms_[i - 1];
    terms_[at] = {stride, most, 0, 0};
  }
  /// True also where it would take too long to find out.
  bool meet(index low, index high) {
    for (int k = count_ - 1; k >= 0; --k) {
      term& t = terms_[k];
      t.reach = t.stride * t.most + (k + 1 < count_ ? terms_[k + 1].reach : 0);
      t.divisor = k + 1 < count_ ? common_divisor(t.stride, terms_[k + 1].divisor) : t.stride;
    }
    tries_ = 10000;
    return search(0, low, high);
  }

 private:
  struct term {
    index stride, most;
    index reach, divisor;  // of this and the shorter steps
  };
  static index common_divisor(index a, index b) {
    while (b != 0) {
      const index r = a % b;
      a = b, b = r;
    }
    return a;
  }
  bool search(int k, index low, index high) {
    if (low <= 0) return high >= 0;
    if (k == count_) return false;
    const term& t = terms_[k];
    if (high > t.reach) high = t.reach;
    if (low > high || high / t.divisor * t.divisor < low) return false;
    if (k + 1 == count_ || --tries_ < 0) return true;
    const index beyond = low - terms_[k + 1].reach;
    const index first = beyond > 0 ? (beyond + t.stride - 1) / t.stride : 0;
    for (index x = high / t.stride < t.most ? high / t.stride : t.most; x >= first; --x)
      if (search(k + 1, low - x * t.stride, high - x * t.stride)) return true;
    return false;
  }

  term terms_[2 * max_rank];
  int count_ = 0, tries_ = 0;
};

inline index magnitude(index x) { return x < 0 ? -x : x; }

/// Two tensors: is a byte of an element of one also a byte of an element of the other?
inline bool share_elements(const binding::memory& a, const binding::memory& b) {
  const char *a_first = a.data - a.before, *b_first = b.data - b.before;
  if (a.bytes == 0 || b.bytes == 0 || a_first >= b_first + b.bytes || b_first >= a_first + a.bytes) return false;
  // The distance of an element of a from one of b, as steps up from the first of a and down from the last of b.
  step_sums distances;
  for (int i = 0; i < a.rank; ++i) distances.add(magnitude(a.strides[i]) * a.element_size, a.extents[i] - 1);
  for (int i = 0; i < b.rank; ++i) distances.add(magnitude(b.strides[i]) * b.element_size, b.extents[i] - 1);
  const index most = b_first + b.bytes - b.element_size - a_first;
  return distances.meet(most - a.element_size + 1, most + b.element_size - 1);
}

/// One tensor: do two elements lie at one address?
inline bool has_shared_elements(const binding::memory& m) {
  if (m.bytes == 0) return false;
  for (int k = 0; k < m.rank; ++k) {
    if (m.extents[k] < 2) continue;
    // Elements whose coordinates differ along axis k first: by at least 1 there, by anything along the axes behind it.
    step_sums distances;
    index back = -magnitude(m.strides[k]);
    distances.add(magnitude(m.strides[k]), m.extents[k] - 2);
    for (int i = k + 1; i < m.rank; ++i) {
      distances.add(magnitude(m.strides[i]), 2 * (m.extents[i] - 1));
      back += magnitude(m.strides[i]) * (m.extents[i] - 1);
    }
    if (distances.meet(back, back)) return true;
  }
  return false;
}

}  // namespace fuse::session
