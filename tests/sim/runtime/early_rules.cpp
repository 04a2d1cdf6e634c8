// SPDX-License-Identifier: Apache-2.0
#include "early_rules.hpp"

#include <algorithm>
#include <iterator>
#include <stdexcept>

#include "context.hpp"
#include "graph.hpp"

namespace sim::runtime {
namespace {

constexpr std::string_view place_names[] = {"none",        "chain",      "loop",       "child",
                                            "after_child", "after_loop", "after_join", "after_other"};
constexpr std::string_view answer_names[] = {"accepted", "launch", "invalid", "instantiation", "update"};

template <class Value, std::size_t N>
Value value_of(const std::string_view (&names)[N], std::string_view name) {
  const auto found = std::find(std::begin(names), std::end(names), name);
  if (found == std::end(names))
    throw std::invalid_argument("FUSE_SIM_EARLY: expected a list of place=answer, got \"" + std::string(name) + "\"");
  return static_cast<Value>(found - std::begin(names));
}

}  // namespace

std::string name(early_place where) { return std::string(place_names[static_cast<std::size_t>(where)]); }

early_rules early_rules::parse(std::string_view text) {
  early_rules rules;
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), one.size() + 1));
    const std::size_t equals = std::min(one.find('='), one.size());
    const auto where = value_of<early_place>(place_names, one.substr(0, equals));
    rules.answers[static_cast<std::size_t>(where)] =
        value_of<early_answer>(answer_names, one.substr(std::min(one.size(), equals + 1)));
  }
  return rules;
}

void refuse_early_nodes(const graph_state& graph, early_answer answer, const char* at) {
  for (const auto& node : graph.nodes) {
    if (node->early != early_place::none && the().control.early(node->early) == answer)
      throw refusal(cudaErrorNotSupported, std::string(at) + ": the rules in force refuse an early launch of place \"" +
                                               name(node->early) + "\"");
    if (const auto* child = std::get_if<child_work>(&node->what)) refuse_early_nodes(*child->graph, answer, at);
    if (const auto* conditional = std::get_if<conditional_work>(&node->what))
      for (const auto& body : conditional->bodies) refuse_early_nodes(*body, answer, at);
  }
}

}  // namespace sim::runtime
