// SPDX-License-Identifier: Apache-2.0
#include "stream.hpp"

#include <algorithm>

#include "context.hpp"
#include "graph.hpp"
#include "pool.hpp"

namespace sim::runtime {

void check_device() {
  if (the().sticky != cudaSuccess) throw plain_error{the().sticky};
}

stream_state& stream_registry::of(cudaStream_t handle) {
  if (handle == nullptr || handle == cudaStreamLegacy) return legacy_;
  if (handle == cudaStreamPerThread) {
    const auto [at, is_new] = per_thread_.try_emplace(std::this_thread::get_id());
    if (is_new) at->second.id = ++created_;
    return at->second;
  }
  const auto found = streams_.find(handle);
  if (found == streams_.end())
    throw refusal(cudaErrorInvalidResourceHandle,
                  hexadecimal(address_of(handle)) + " is not a stream, or was destroyed");
  return *found->second;
}

event_state& stream_registry::of(cudaEvent_t handle) {
  const auto found = events_.find(handle);
  if (found == events_.end())
    throw refusal(cudaErrorInvalidResourceHandle,
                  hexadecimal(address_of(handle)) + " is not an event, or was destroyed");
  return *found->second;
}

cudaStream_t stream_registry::create(unsigned flags, int priority) {
  auto made = std::make_shared<stream_state>();
  made->id = ++created_;
  made->flags = flags;
  made->priority = priority;
  const auto handle = reinterpret_cast<cudaStream_t>(made.get());
  streams_.emplace(handle, std::move(made));
  return handle;
}

void stream_registry::destroy(cudaStream_t handle) {
  stream_state& gone = of(handle);
  leave_capture(gone);
  // Clocks stay small: a chain that the host has waited for comes before everything from now on.
  context& state = the();
  if (gone.number == 0 || state.host_clock.covers(gone.id, gone.number)) {
    state.retired_chains.insert(gone.id);
    state.host_clock.forget(gone.id);
    state.device_clock.forget(gone.id);
  }
  streams_.erase(handle);
}

cudaEvent_t stream_registry::create_event(unsigned flags) {
  auto made = std::make_shared<event_state>();
  made->id = ++created_;
  made->flags = flags;
  const auto handle = reinterpret_cast<cudaEvent_t>(made.get());
  events_.emplace(handle, std::move(made));
  return handle;
}

void stream_registry::destroy_event(cudaEvent_t handle) { events_.erase(handle); }

std::vector<stream_state*> stream_registry::all() {
  std::vector<stream_state*> found{&legacy_};
  for (auto& [thread, stream] : per_thread_) found.push_back(&stream);
  for (auto& [handle, stream] : streams_) found.push_back(stream.get());
  return found;
}

std::vector<ticket> dependencies(stream_state& stream) {
  stream_registry& streams = the().streams;
  std::vector<ticket> after{stream.tail};
  if (stream.legacy) {
    for (auto* other : streams.all())
      if (other->blocking()) after.push_back(other->tail);
  } else if (stream.blocking()) {
    after.push_back(streams.legacy().tail);
  }
  return after;
}

namespace {

// What orders an operation that is queued now; it becomes the next of its stream's chain.
std::shared_ptr<const vector_clock> next_clock(stream_state& stream, const std::vector<ticket>& after) {
  auto clock = std::make_shared<vector_clock>(the().host_clock);
  clock->join(stream.seen);
  for (const ticket& before : after)
    if (before) clock->join(*before->clock);
  clock->set(stream.id, ++stream.number);
  stream.seen = *clock;
  the().device_clock.set(stream.id, stream.number);
  return clock;
}

ticket queue_after(lock_type& lock, stream_state& stream, std::string what, std::function<void()> body,
                   std::vector<ticket> after, std::shared_ptr<const vector_clock> clock) {
  const ticket queued = the().queue.submit(lock, std::move(what), std::move(after), std::move(body), std::move(clock));
  stream.tail = queued;
  return queued;
}

// Runs a body unless the device has faulted before its turn came.
std::function<void()> unless_faulted(std::function<void()> body) {
  return [body = std::move(body)] {
    {
      lock_type lock(the().mutex);
      if (the().sticky != cudaSuccess) return;
    }
    body();
  };
}

}  // namespace

ticket enqueue(lock_type& lock, stream_state& stream, std::string what, std::function<touched()> body,
               std::vector<ticket> more) {
  std::vector<ticket> after = dependencies(stream);
  after.insert(after.end(), more.begin(), more.end());
  const auto clock = next_clock(stream, after);
  const toucher self{stream.id, stream.number,
                     std::make_shared<std::string>(what + " in stream " + std::to_string(stream.id))};
  auto run = [body = std::move(body), clock, self] {
    const touched bytes = body();
    lock_type lock(the().mutex);
    enter_history(bytes, self, *clock);
  };
  stream.tail_kernel = nullptr;
  return queue_after(lock, stream, std::move(what), unless_faulted(std::move(run)), std::move(after), clock);
}

ticket issue(lock_type& lock, stream_state& stream, work what) {
  if (stream.capture) {
    capture_work(stream, std::move(what));
    return nullptr;
  }
  if (stream.legacy) refuse_implicit_dependency();
  const run_place place{.stream = stream.id, .in_graph = false};
  const auto* kernel = std::get_if<kernel_work>(&what);
  const std::shared_ptr<flight> before = kernel != nullptr && kernel->programmatic ? stream.tail_kernel : nullptr;
  const auto left = kernel != nullptr ? std::make_shared<flight>() : nullptr;
  const bool bookkeeping = std::holds_alternative<allocate_work>(what) || std::holds_alternative<free_work>(what);
  const std::shared_ptr<flight> tail = bookkeeping ? stream.tail_kernel : left;
  std::string description = describe(what);
  auto body = [what = std::make_shared<work>(std::move(what)), before, left, place] {
    flight in_flight = before ? *before : flight{};
    const touched bytes = execute(*what, in_flight, place);
    if (left) *left = std::move(in_flight);
    return bytes;
  };
  const ticket queued = enqueue(lock, stream, std::move(description), std::move(body));
  stream.tail_kernel = tail;
  return queued;
}

void wait_for(lock_type& lock, const ticket& queued) {
  if (queued) {
    const ticket kept = queued;
    the().queue.finish(lock, kept);
    the().host_clock.join(*kept->clock);
  }
  check_device();
}

void synchronize(lock_type& lock, stream_state& stream) {
  for (const ticket& before : dependencies(stream)) wait_for(lock, before);
  the().host_clock.join(stream.seen);
  the().pools->release();
}

void synchronize_all(lock_type& lock) {
  the().queue.finish_all(lock);
  the().host_clock.join(the().device_clock);
  the().pools->release();
  check_device();
}

}  // namespace sim::runtime
