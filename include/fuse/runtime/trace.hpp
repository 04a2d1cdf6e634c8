// SPDX-License-Identifier: Apache-2.0
// trace(executor, f): runs f once and gives what its kernels took as a Chrome trace (chrome://tracing,
// ui.perfetto.dev).
#pragma once
#include <chrono>
#include <cstdio>
#include <fuse/runtime/graphed.hpp>

namespace fuse {

namespace runtime {

/// A kernel: its name, and when it began and ended, in microseconds since the call began.
struct trace_event {
  std::string name;
  double begin, end;
};

/// Looks on while an executor runs, and hands on what it is asked for.
template <class Executor, class Recorder>
class onlooker : public Recorder {
 public:
  explicit onlooker(Executor& executor) : executor_(executor) {
    if (executor_.recording())
      throw error(error_category::capture,
                  "fuse::trace: the executor is being captured or traced already (trace outside of that)");
    executor_.record(this);
  }
  onlooker(const onlooker&) = delete;
  onlooker& operator=(const onlooker&) = delete;

  buffer allocate(std::size_t bytes) final {
    return unwatched([&] { return executor_.allocate(bytes); });
  }
  char* workspace(workspace_kind kind, std::size_t bytes) final {
    return unwatched([&] { return executor_.workspace(kind, bytes); });
  }
  bool captures() const final { return false; }

 protected:
  ~onlooker() { executor_.record(nullptr); }
  template <class F>
  auto unwatched(F&& f) {
    struct watch_again {
      onlooker* self;
      ~watch_again() { self->executor_.record(self); }
    } const guard{this};
    executor_.record(nullptr);
    return f();
  }
  Executor& executor_;
};

template <class Executor>
class tracer;

template <modes Built>
class tracer<host_executor<Built>> final : public onlooker<host_executor<Built>, host_recorder> {
 public:
  using onlooker<host_executor<Built>, host_recorder>::onlooker;

  void add(const host_task& t) override {
    const double begin = now();
    this->unwatched([&] { t.run(&this->executor_, t.arguments); });
    events_.push_back({t.name, begin, now()});
  }
  std::vector<trace_event> finish() { return std::move(events_); }

 private:
  using clock = std::chrono::steady_clock;
  double now() const { return std::chrono::duration<double, std::micro>(clock::now() - start_).count(); }

  clock::time_point start_ = clock::now();
  std::vector<trace_event> events_;
};

#if defined(__CUDACC__)
/// CUDA events lie between the kernels, so that each is charged from the end of the one before it.
template <modes Built>
class tracer<cuda_executor<Built>> final : public onlooker<cuda_executor<Built>, cuda_recorder> {
 public:
  explicit tracer(cuda_executor<Built>& executor) : onlooker<cuda_executor<Built>, cuda_recorder>(executor) {
    mark("");
  }
  void launched(const char* name, cudaStream_t stream) override {
    if (stream == this->executor_.stream()) mark(name);
  }
  std::vector<trace_event> finish() {
    this->executor_.synchronize();
    std::vector<trace_event> events;
    double begin = 0;
    for (std::size_t i = 1; i < marks_.size(); ++i) {
      float milliseconds = 0;
      cuda::check(cudaEventElapsedTime(&milliseconds, marks_[0].event.get(), marks_[i].event.get()),
                  "cudaEventElapsedTime");
      const double end = static_cast<double>(milliseconds) * 1000;
      events.push_back({marks_[i].name, begin, end});
      begin = end;
    }
    return events;
  }

 private:
  struct destroy {
    void operator()(cudaEvent_t e) const noexcept { cudaEventDestroy(e); }
  };
  struct mark_t {
    std::string name;
    std::unique_ptr<std::remove_pointer_t<cudaEvent_t>, destroy> event;
  };
  void mark(const char* name) {
    cudaEvent_t e = nullptr;
    cuda::check(cudaEventCreate(&e), "cudaEventCreate");
    marks_.push_back({name, decltype(mark_t::event)(e)});
    cuda::check(cudaEventRecord(e, this->executor_.stream()), "cudaEventRecord");
  }

  std::vector<mark_t> marks_;
};
#endif

inline std::string in_json(const std::vector<trace_event>& events) {
  std::string s = "{\"traceEvents\":[";
  for (const trace_event& e : events) {
    char times[96];
    std::snprintf(times, sizeof times, "\",\"ph\":\"X\",\"pid\":0,\"tid\":0,\"ts\":%.3f,\"dur\":%.3f}", e.begin,
                  e.end - e.begin);
    if (s.back() == '}') s += ",\n";
    s += "{\"name\":\"";
    for (char c : e.name) {
      if (c == '"' || c == '\\') s += '\\';
      s += c;
    }
    s += times;
  }
  return s + "]}\n";
}

}  // namespace runtime

/// Runs f() once and times what it issues on the executor, kernel by kernel, under the names given to compile. Graphs
/// replay unseen: give it the function that was graphed.
template <class Executor, class F>
std::string trace(Executor& executor, F&& f) {
  runtime::tracer<Executor> watching(executor);
  f();
  return runtime::in_json(watching.finish());
}

}  // namespace fuse
