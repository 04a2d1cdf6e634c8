// SPDX-License-Identifier: Apache-2.0
#include "ordering.hpp"

#include <algorithm>

namespace sim::runtime {

void vector_clock::join(const vector_clock& other) {
  for (const auto& [chain, number] : other.seen_) {
    auto& mine = seen_[chain];
    mine = std::max(mine, number);
  }
}

bool vector_clock::covers(std::uint64_t chain, std::uint64_t number) const {
  const auto found = seen_.find(chain);
  return found != seen_.end() && found->second >= number;
}

void merge(touched& into, const touched& more) {
  into.written.insert(into.written.end(), more.written.begin(), more.written.end());
  into.read.insert(into.read.end(), more.read.begin(), more.read.end());
}

namespace {

void simplify(std::vector<range>& ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const range& a, const range& b) { return a.begin < b.begin; });
  std::vector<range> joined;
  for (const range& next : ranges) {
    if (!joined.empty() && next.begin <= joined.back().end)
      joined.back().end = std::max(joined.back().end, next.end);
    else
      joined.push_back(next);
  }
  ranges = std::move(joined);
}

}  // namespace

void merge(flight& into, const flight& more) {
  merge(into.until_wait, more.until_wait);
  merge(into.outlasting, more.outlasting);
  simplify(into.until_wait);
  simplify(into.outlasting);
}

void simplify(touched& bytes) {
  simplify(bytes.written);
  simplify(bytes.read);
}

// The segment that begins at `at`: an existing one is cut there if it holds the byte.
std::map<std::uint64_t, access_history::segment>::iterator access_history::split(std::uint64_t at) {
  const auto after = segments_.upper_bound(at);
  if (after == segments_.begin()) return after;
  const auto holder = std::prev(after);
  if (holder->first == at) return holder;
  if (holder->second.end <= at) return after;
  segment upper = holder->second;
  holder->second.end = at;
  return segments_.emplace_hint(after, at, std::move(upper));
}

void access_history::forget(range where) {
  const auto first = split(where.begin), last = split(where.end);
  segments_.erase(first, last);
}

std::optional<access_conflict> access_history::enter(const touched& what, const toucher& now,
                                                     const std::function<bool(const toucher&)>& ordered) {
  std::optional<access_conflict> found;
  const auto check = [&](const toucher& earlier, bool earlier_writes, bool later_writes, range where) {
    if (!found && !ordered(earlier)) found = access_conflict{earlier, earlier_writes, later_writes, where};
  };
  for (const range& read : what.read) {
    if (read.begin >= read.end) continue;
    auto at = split(read.begin);
    split(read.end);
    at = segments_.lower_bound(read.begin);
    for (std::uint64_t covered = read.begin; covered < read.end;) {
      if (at == segments_.end() || at->first > covered) {
        const std::uint64_t end = at == segments_.end() ? read.end : std::min(read.end, at->first);
        at = segments_.emplace_hint(at, covered, segment{end, std::nullopt, {}});
      }
      segment& here = at->second;
      if (here.writer) check(*here.writer, true, false, {at->first, here.end});
      // A later read of the same chain stands for the earlier ones.
      std::erase_if(here.readers, [&](const toucher& reader) { return reader.chain == now.chain; });
      here.readers.push_back(now);
      covered = here.end;
      ++at;
    }
  }
  for (const range& written : what.written) {
    if (written.begin >= written.end) continue;
    split(written.begin);
    split(written.end);
    const auto first = segments_.lower_bound(written.begin), last = segments_.lower_bound(written.end);
    for (auto at = first; at != last; ++at) {
      if (at->second.writer) check(*at->second.writer, true, true, {at->first, at->second.end});
      for (const auto& reader : at->second.readers)
        if (reader.chain != now.chain || reader.number != now.number)
          check(reader, false, true, {at->first, at->second.end});
    }
    segments_.erase(first, last);
    segments_.emplace(written.begin, segment{written.end, now, {}});
  }
  return found;
}

}  // namespace sim::runtime
