// SPDX-License-Identifier: Apache-2.0
// How a process ends that leaves something behind. The program runs itself once for each case.
#define DOCTEST_CONFIG_IMPLEMENT
#include <cuda_runtime.h>
#include <doctest/doctest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>

namespace {

__global__ void set(int* data, int value) { data[threadIdx.x] = value; }
__global__ void trap() { __trap(); }
__global__ void say() { printf("thread %d\n", threadIdx.x); }

// Releases its stream when the program's static objects die.
struct static_holder {
  cudaStream_t stream = nullptr;
  ~static_holder() {
    if (stream != nullptr) cudaStreamDestroy(stream);
  }
} holder;

const std::map<std::string, std::function<void()>> cases = {
    {"clean",
     [] {
       int* data = nullptr;
       cudaMalloc(&data, 128);
       set<<<1, 32>>>(data, 1);
       cudaFree(data);
     }},
    {"memory",
     [] {
       int* data = nullptr;
       cudaMalloc(&data, 123);
     }},
    {"pinned",
     [] {
       int* data = nullptr;
       cudaMallocHost(&data, 123);
     }},
    {"stream",
     [] {
       cudaStream_t stream = nullptr;
       cudaStreamCreate(&stream);
     }},
    {"event",
     [] {
       cudaEvent_t event = nullptr;
       cudaEventCreate(&event);
     }},
    {"graph",
     [] {
       cudaGraph_t graph = nullptr;
       cudaGraphCreate(&graph, 0);
     }},
    {"exec",
     [] {
       cudaGraph_t graph = nullptr;
       cudaGraphExec_t exec = nullptr;
       cudaGraphCreate(&graph, 0);
       cudaGraphInstantiate(&exec, graph, 0);
       cudaGraphDestroy(graph);
     }},
    {"static", [] { cudaStreamCreate(&holder.stream); }},
    {"unwaited fault", [] { trap<<<1, 1>>>(); }},
    {"print",
     [] {
       say<<<1, 2>>>();
       cudaDeviceSynchronize();
     }},
};

struct outcome {
  int status;
  std::string text;
};

std::string program;

outcome run(const std::string& name, const std::string& environment = "") {
  FILE* const pipe = popen((environment + " '" + program + "' --case '" + name + "' 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  outcome result{0, {}};
  std::array<char, 512> line{};
  while (std::fgets(line.data(), line.size(), pipe) != nullptr) result.text += line.data();
  const int status = pclose(pipe);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}

}  // namespace

TEST_CASE("a process that released everything ends well") {
  CHECK(run("clean").status == 0);
  CHECK(run("clean").text.empty());
  CHECK(run("static").status == 0);
}

TEST_CASE("every kind of leak is told and fails the process") {
  const auto leaks = [](const char* name, const char* words) {
    const outcome result = run(name);
    CHECK(result.status == 3);
    CHECK(result.text.find(words) != std::string::npos);
  };
  leaks("memory", "leak: 123 bytes of cudaMalloc");
  leaks("pinned", "leak: 123 bytes of cudaHostAlloc");
  leaks("stream", "leak: 1 streams");
  leaks("event", "leak: 1 events");
  leaks("graph", "leak: 1 graphs");
  leaks("exec", "leak: 1 executable graphs");
}

TEST_CASE("leaks can be told without failing, or ignored") {
  CHECK(run("memory", "FUSE_SIM_LEAKS=report").status == 0);
  CHECK(run("memory", "FUSE_SIM_LEAKS=report").text.find("leak") != std::string::npos);
  CHECK(run("memory", "FUSE_SIM_LEAKS=ignore").status == 0);
  CHECK(run("memory", "FUSE_SIM_LEAKS=ignore").text.empty());
}

TEST_CASE("work that nothing waited for still runs, and its faults fail the process") {
  const outcome result = run("unwaited fault");
  CHECK(result.status == 3);
  CHECK(result.text.find("trap") != std::string::npos);
  CHECK(run("unwaited fault", "FUSE_SIM_FAULTS=ignore").status == 0);
}

TEST_CASE("the device prints to standard output") { CHECK(run("print").text == "thread 0\nthread 1\n"); }

TEST_CASE("a schedule that nobody knows is an error") {
  CHECK(run("clean", "FUSE_SIM_SCHEDULE=soon").status != 0);
  CHECK(run("clean", "FUSE_SIM_SCHEDULE=soon").text.find("random:<seed>") != std::string::npos);
  CHECK(run("clean", "FUSE_SIM_SCHEDULE=eager").status == 0);
  CHECK(run("clean", "FUSE_SIM_SCHEDULE=random:12").status == 0);
}

int main(int count, char** arguments) {
  program = arguments[0];
  if (count == 3 && std::string(arguments[1]) == "--case") {
    cases.at(arguments[2])();
    return 0;
  }
  return doctest::Context(count, arguments).run();
}
