// SPDX-License-Identifier: Apache-2.0
// When a thread that has work calls others to help, which costs it time whether they come or not. What is spent on
// others stays a fraction of what was worked without them, so that a machine without time for them costs little.
#pragma once
#include <cstdint>

namespace fuse::host_threads {

/// Times are in nanoseconds. Asked by the pool, for whoever leads a job.
class patience {
 public:
  using time = std::int64_t;
  /// About what it costs to wake a thread until it runs: some microseconds on a machine of one's own, some tens on a
  /// virtual one. A thread without work waits as long for some before it sleeps, and a leader works as long alone
  /// before it wakes one: neither spends more than twice what it would have cost to know the future.
  static constexpr time price = 25000;

  /// A job begins, of at least so many nanoseconds in one thread.
  void begin(time now, time expected) {
    if (now - end_ > price) missed_ = 0;  // whom a job before this one had woken would sleep again
    begin_ = now - (expected >= after_ ? after_ : 0);
  }
  /// Whether helpers may come at all.
  bool opens(time now) const { return now >= alone_until_; }
  /// Whether to wake some of those who sleep.
  bool calls(time now) const { return missed_ + now - begin_ >= after_; }
  void called(time now) {
    after_ = helped_ ? price : after_ < price << 7 ? 2 * after_ : after_;
    helped_ = false;
    missed_ = 0, begin_ = now;
  }
  /// Someone took a share.
  void helped() { helped_ = true; }
  /// A job ends without help, while some slept who might have helped.
  void missed(time now) {
    missed_ += now - begin_;
    end_ = now;
  }
  /// The leader waited for the last shares: longer than they take, and a helper has lost its processor to something
  /// else. The leader then works without helpers for four times as long, so that at most a fifth of its time is lost.
  void waited(time now, time since, time share) {
    if (now - since > 2 * share + price) alone_until_ = now + 4 * (now - since);
  }

 private:
  time begin_ = 0, end_ = 0, missed_ = 0, after_ = price, alone_until_ = 0;
  bool helped_ = true;
};

}  // namespace fuse::host_threads
