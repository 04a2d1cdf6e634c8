// SPDX-License-Identifier: Apache-2.0
// What a graphed function keeps of each graph, and what it shows of it.
#pragma once
#include <algorithm>
#include <fuse/runtime/call_key.hpp>
#include <fuse/runtime/captured.hpp>
#include <fuse/runtime/guards.hpp>
#include <fuse/runtime/replayed.hpp>

namespace fuse::runtime {

/// An address for each list of types.
template <class... A>
inline constexpr char type_tag = 0;

/// What is shown of a graph.
struct graph_info {
  std::vector<node_info> nodes;
  std::vector<edge_info> edges;  // numbers of nodes
  std::size_t places;            // words of the nodes' parameters that are rebound
  index bytes;                   // of the memory that its tensors lie in
  bool pinned;                   // serves only the addresses it was captured with
  bool latest;                   // was launched last
};

/// A graph and what it was captured for.
template <class Executor>
struct graph_entry {
  std::vector<index> words;           // its key
  std::vector<std::uint64_t> values;  // the addresses and scalars that are bound
  std::vector<const void*> stays;     // addresses of static inputs
  std::unique_ptr<captured<Executor>> work;
  std::shared_ptr<graph_memory> memory;
  std::shared_ptr<void> results;       // with the addresses they had during the capture
  std::vector<std::uint64_t> origins;  // of the regions during the capture
  std::vector<bool> follows;           // of each result: is its leading length that of padded arguments?
  index arena_bytes = 0;
  bool pinned = false;       // serves only its values
  bool has_foreign = false;  // serves only addresses aligned as its origins are
  bool bound = false;
  std::uint64_t last_used = 0, uses = 0;

  /// Is the next use one before which the function is run again: 1, 2, 4, 8, … after the first?
  bool is_due() const { return uses > 0 && (uses & (uses - 1)) == 0; }
  void check_static(const call_key& key) const {
    for (std::size_t i = 0; i < stays.size(); ++i)
      if (stays[i] != key.stays()[i])
        throw error(error_category::argument,
                    text("fuse::graphed: tensor ")
                        << i
                        << " of the static inputs has moved since the graph was captured "
                           "(static_input promises that it never does; pass it as it is, or clear())");
  }
  /// Is it bound to what the call has? The first word is the memory that it works in.
  bool has_values_of(const call_key& key) const {
    return std::equal(values.begin() + 1, values.end(), key.values().begin() + 1, key.values().end());
  }
};

/// A result of the capture at the addresses of a call; in_arena(view) where it is the graph's memory.
template <class Executor, class V, class Arena>
replayed<V> placed(const graph_entry<Executor>& e, const V& shape, const std::vector<std::uint64_t>& now,
                   Arena&& in_arena) {
  const auto address = reinterpret_cast<std::uint64_t>(shape.data());
  const std::size_t r = shadow::is(address) ? static_cast<std::size_t>(shadow::region_of(address)) : 0;
  if (!shadow::is(address)) {
    const bool own = e.memory && address - e.origins[0] < static_cast<std::uint64_t>(e.memory->bytes);
    return own ? in_arena(shape) : replayed<V>(shape, std::shared_ptr<void>());
  }
  const V view = view_at(shape, reinterpret_cast<void*>(now[r] + (address - e.origins[r])));
  return r == 0 ? in_arena(view) : replayed<V>(view, std::shared_ptr<void>());
}

}  // namespace fuse::runtime
