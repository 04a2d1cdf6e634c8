// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "graph.hpp"

namespace sim::runtime {

struct difference {
  cudaGraphExecUpdateResult what;
  node_state* node;  // where; null: the graph as a whole
  node_state* from;  // the other end of a differing edge
};

// Pairs the nodes in the order of their creation. Source: cudaGraphExecUpdate.
difference compare(const graph_plan& plan, const graph_state& graph);

// Nodes keep the identity, and the on-off switch, that they had before an update.
void keep_identity(graph_plan& now, const graph_plan& before);

}  // namespace sim::runtime
