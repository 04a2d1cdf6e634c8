// SPDX-License-Identifier: Apache-2.0
// Programmatic launches in captures: the driver's documents do not say where each is accepted, so a test sets it.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace sim::runtime {

struct graph_state;

// Where an early launch stands: after one kernel, or after something else; in a loop's body, in a child graph.
enum class early_place : unsigned char {
  none,
  chain,
  loop,
  child,
  after_child,
  after_loop,
  after_join,
  after_other,
  count_
};

// When it is refused. `invalid`: at the launch, and the capture is invalid from then on.
enum class early_answer : unsigned char { accepted, launch, invalid, instantiation, update };

struct early_rules {
  std::array<early_answer, static_cast<std::size_t>(early_place::count_)> answers{};

  // "loop=instantiation,chain=launch"; "" accepts all. Throws std::invalid_argument.
  static early_rules parse(std::string_view text);
  early_answer operator()(early_place where) const { return answers[static_cast<std::size_t>(where)]; }
};

std::string name(early_place where);

// Throws a refusal when the graph, its child graphs or loop bodies have an early launch that meets `answer`.
void refuse_early_nodes(const graph_state& graph, early_answer answer, const char* at);

}  // namespace sim::runtime
