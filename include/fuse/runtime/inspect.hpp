// SPDX-License-Identifier: Apache-2.0
// Graphs for people: explain(step) in words, dot(step) for Graphviz.
#pragma once
#include <fuse/runtime/graphed.hpp>

namespace fuse {

/// The graphs of a graphed function: pieces, nodes with the names given to compile, memory, what is rebound.
template <class Executor, class F>
text explain(const graphed<Executor, F>& step) {
  const graph_counts c = step.counts();
  text s;
  s << c.captures << " captured, " << c.replays << " replays, " << c.rebinds << " rebound arguments, " << c.evictions
    << " evicted, " << c.fallbacks << " fallbacks, " << c.bytes << " bytes of memory\n";
  int number = 0;
  for (const runtime::graph_info& g : step.graphs()) {
    s << "graph " << number++ << ": " << g.nodes.size() << " nodes, " << g.bytes << " bytes, " << g.places
      << " words rebound" << (g.pinned ? ", pinned to its addresses" : "") << "\n";
    int piece = -1;
    for (const runtime::node_info& n : g.nodes) {
      if (n.piece != piece) {
        piece = n.piece;
        s << "  piece " << piece << "\n";
      }
      s << "    ";
      for (int i = 0; i < n.depth; ++i) s << "  ";
      s << n.kind << " " << n.name.c_str() << "\n";
    }
  }
  return s;
}

/// The graph that was launched last as a Graphviz digraph; dashed: a kernel that is started early and waits itself.
template <class Executor, class F>
text dot(const graphed<Executor, F>& step) {
  text s = "digraph \"graphed\" {\n  node [shape=box];\n";
  for (const runtime::graph_info& g : step.graphs()) {
    if (!g.latest) continue;
    int piece = -1;
    for (std::size_t i = 0; i < g.nodes.size(); ++i) {
      const runtime::node_info& n = g.nodes[i];
      if (n.piece != piece) {
        if (piece >= 0) s << "  }\n";
        piece = n.piece;
        s << "  subgraph cluster_" << piece << " {\n    label=\"piece " << piece << "\";\n";
      }
      s << "    n" << i << " [label=\"" << n.name.c_str() << "\\n" << n.kind << "\"];\n";
    }
    if (piece >= 0) s << "  }\n";
    for (const runtime::edge_info& e : g.edges)
      s << "  n" << e.from << " -> n" << e.to << (e.early ? " [style=dashed];\n" : ";\n");
  }
  return s << "}\n";
}

}  // namespace fuse
