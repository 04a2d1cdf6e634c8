// SPDX-License-Identifier: Apache-2.0
// What the probe asks, in the order in which it is worth asking: what may crash comes last.
#pragma once

namespace probe {

// device.cu
void device();
void call_costs();
void memory_pool();
void shared_memory();
void bandwidth();
void latency();
// early.cu
void early_in_a_stream();
void early_in_a_graph();
void early_costs();
// nodes.cu
void parameters();
void node_order();
void rebinding();
void rebinding_costs();
// capture.cu
void legal_calls();
void relaxed_calls();
void refused_calls();
void legacy_stream();
// neighbours.cu
void after_a_fill();
void after_a_copy();
void after_a_child_graph();
void after_a_join();
// loops.cu
void loop();
void loop_early();
void loop_nested();
void loop_in_a_child();
void loop_twice();
void loop_again();
void loop_rehearsed();
void loop_broken();

struct question {
  const char* name;
  void (*ask)();
};
inline constexpr question questions[] = {
    {"device", device},
    {"early_in_a_stream", early_in_a_stream},
    {"early_in_a_graph", early_in_a_graph},
    {"parameters", parameters},
    {"node_order", node_order},
    {"rebinding", rebinding},
    {"legal_calls", legal_calls},
    {"relaxed_calls", relaxed_calls},
    {"refused_calls", refused_calls},
    {"legacy_stream", legacy_stream},
    {"after_a_fill", after_a_fill},
    {"after_a_copy", after_a_copy},
    {"after_a_child_graph", after_a_child_graph},
    {"after_a_join", after_a_join},
    {"loop", loop},
    {"loop_early", loop_early},
    {"loop_nested", loop_nested},
    {"loop_again", loop_again},
    {"loop_twice", loop_twice},
    {"loop_rehearsed", loop_rehearsed},
    {"shared_memory", shared_memory},
    {"call_costs", call_costs},
    {"memory_pool", memory_pool},
    {"early_costs", early_costs},
    {"rebinding_costs", rebinding_costs},
    {"bandwidth", bandwidth},
    {"latency", latency},
    {"loop_in_a_child", loop_in_a_child},
    {"loop_broken", loop_broken},
};

}  // namespace probe
