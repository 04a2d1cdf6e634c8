// SPDX-License-Identifier: Apache-2.0
#include "scheduler.hpp"

#include <algorithm>
#include <limits>
#include <queue>
#include <stdexcept>
#include <unordered_map>

namespace sim::runtime {
namespace {

// A real device's queues are bounded too: a launch beyond the bound waits for the oldest work.
constexpr std::size_t queue_bound = 4096;
constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();

// splitmix64: a well-mixed function of its argument.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

}  // namespace

schedule schedule::parse(const std::string& text) {
  if (text == "late") return {kind::late, 0};
  if (text == "eager") return {kind::eager, 0};
  if (text.starts_with("random:") && text.size() > 7 && text.find_first_not_of("0123456789", 7) == std::string::npos)
    return {kind::random, std::stoull(text.substr(7))};
  throw std::invalid_argument("sim::runtime: expected the schedule late, eager or random:<seed>, got \"" + text + "\"");
}

std::uint64_t scheduler::next_random() { return mix(schedule_.seed * 0x2545f4914f6cdd1du + ++drawn_); }

ticket scheduler::submit(lock_type& lock, std::string what, std::vector<ticket> after, std::function<void()> body,
                         std::shared_ptr<const vector_clock> clock) {
  std::erase_if(after, [](const ticket& before) { return !before || before->done; });
  auto added = std::make_shared<operation>();
  added->order = ++submitted_;
  added->draw = mix(schedule_.seed ^ ((submitted_ - drawn_from_) << 20));
  added->what = std::move(what);
  added->after = std::move(after);
  added->body = std::move(body);
  added->clock = std::move(clock);
  pending_.emplace(added->order, added);
  if (schedule_.how == schedule::kind::eager) finish(lock, added);
  while (pending_.size() > queue_bound) finish(lock, ticket(pending_.begin()->second));
  return added;
}

void scheduler::finish(lock_type& lock, const ticket& wanted) {
  if (wanted && !wanted->done) ask(lock, wanted, no_limit);
}

void scheduler::finish_all(lock_type& lock) {
  while (!pending_.empty()) ask(lock, nullptr, no_limit);
}

void scheduler::step(lock_type& lock, const ticket& wanted) {
  if (wanted && !wanted->done) ask(lock, wanted, 1);
}

void scheduler::drift(lock_type& lock) {
  if (schedule_.how != schedule::kind::random || pending_.empty()) return;
  // Half of the calls let nothing happen, the others one to three operations.
  const auto draw = next_random();
  if (draw & 1) ask(lock, nullptr, 1 + (draw >> 1) % 3);
}

void scheduler::ask(lock_type& lock, ticket wanted, std::size_t limit) {
  if (!started_) {
    started_ = true;
    std::thread([this] { work(); }).detach();
  }
  request asked{std::move(wanted), limit};
  requests_.push_back(&asked);
  asked_.notify_one();
  while (!asked.done) answered_.wait(lock);
}

void scheduler::work() {
  lock_type lock(mutex_);
  for (;;) {
    while (requests_.empty()) asked_.wait(lock);
    request& asked = *requests_.front();
    drain(lock, asked.wanted, asked.limit);
    requests_.pop_front();
    asked.done = true;
    answered_.notify_all();
  }
}

void scheduler::drain(lock_type& lock, const ticket& wanted, std::size_t limit) {
  // The closure of what is wanted, and within it who waits for whom.
  std::unordered_map<operation*, std::vector<ticket>> dependents;
  std::unordered_map<operation*, std::size_t> missing;
  const auto later = [this](const ticket& a, const ticket& b) {  // true: b runs before a
    if (schedule_.how == schedule::kind::random) return a->draw > b->draw;
    return schedule_.how == schedule::kind::late ? a->order < b->order : a->order > b->order;
  };
  std::priority_queue<ticket, std::vector<ticket>, decltype(later)> ready(later);
  std::vector<ticket> unvisited;
  if (wanted)
    unvisited.push_back(wanted);
  else
    for (const auto& [order, operation] : pending_) unvisited.push_back(operation);
  while (!unvisited.empty()) {
    const ticket visited = std::move(unvisited.back());
    unvisited.pop_back();
    if (visited->done || missing.contains(visited.get())) continue;
    std::size_t count = 0;
    for (const auto& before : visited->after) {
      if (before->done) continue;
      ++count;
      dependents[before.get()].push_back(visited);
      unvisited.push_back(before);
    }
    missing[visited.get()] = count;
    if (count == 0) ready.push(visited);
  }
  for (; !ready.empty() && limit > 0; --limit) {
    const ticket next = ready.top();
    ready.pop();
    run(lock, next);
    for (const auto& dependent : dependents[next.get()])
      if (--missing[dependent.get()] == 0) ready.push(dependent);
  }
}

void scheduler::run(lock_type& lock, const ticket& chosen) {
  lock.unlock();
  chosen->body();
  lock.lock();
  chosen->body = nullptr;
  chosen->after.clear();
  chosen->done = true;
  pending_.erase(chosen->order);
}

}  // namespace sim::runtime
