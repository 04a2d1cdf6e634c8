// SPDX-License-Identifier: Apache-2.0
// User objects: things of the program whose life a graph shares, such as workspaces.
#include <algorithm>
#include <map>
#include <utility>

#include "context.hpp"
#include "graph.hpp"

namespace sim::runtime {

// References are counted; the last one queues the destructor, which must not call the runtime.
struct user_object {
  cudaHostFn_t destroy;
  void* argument;
  unsigned references;
};

namespace {

std::map<user_object*, std::unique_ptr<user_object>>& objects() {
  static auto* const all = new std::map<user_object*, std::unique_ptr<user_object>>;
  return *all;
}

user_object& object_of(cudaUserObject_t handle) {
  const auto found = objects().find(reinterpret_cast<user_object*>(handle));
  require(found != objects().end(), cudaErrorInvalidValue, "the handle is not a user object, or was destroyed");
  return *found->second;
}

}  // namespace

void release_user_object(user_object* object, unsigned count) {
  object->references -= count;
  if (object->references != 0) return;
  const std::unique_ptr<user_object> last = std::move(objects().at(object));
  objects().erase(object);
  // A destructor of an object is a host function: it may not call the runtime.
  const bool inside = std::exchange(inside_host_function(), true);
  last->destroy(last->argument);
  inside_host_function() = inside;
}

}  // namespace sim::runtime

using namespace sim::runtime;

extern "C" {

cudaError_t cudaUserObjectCreate(cudaUserObject_t* result, void* argument, cudaHostFn_t destroy, unsigned references,
                                 unsigned flags) {
  return entry(__func__, {}, [&](lock_type&) {
    require(result != nullptr && destroy != nullptr && references > 0 && flags == cudaUserObjectNoDestructorSync,
            cudaErrorInvalidValue, "expected a destructor, a reference and the flag cudaUserObjectNoDestructorSync");
    auto made = std::make_unique<user_object>(user_object{destroy, argument, references});
    *result = reinterpret_cast<cudaUserObject_t>(made.get());
    user_object* const key = made.get();
    objects().emplace(key, std::move(made));
    return cudaSuccess;
  });
}

cudaError_t cudaUserObjectRetain(cudaUserObject_t object, unsigned count) {
  return entry(__func__, {}, [&](lock_type&) {
    object_of(object).references += count;
    return cudaSuccess;
  });
}

cudaError_t cudaUserObjectRelease(cudaUserObject_t object, unsigned count) {
  return entry(__func__, {.releases = true, .after_fault = true}, [&](lock_type&) {
    user_object& released = object_of(object);
    require(count > 0 && count <= released.references, cudaErrorInvalidValue, "more references than there are");
    release_user_object(&released, count);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphRetainUserObject(cudaGraph_t graph, cudaUserObject_t object, unsigned count, unsigned flags) {
  return entry(__func__, {}, [&](lock_type&) {
    user_object& retained = object_of(object);
    const auto owner = the().graphs->of(graph);
    require(count > 0 && (flags == 0 || flags == cudaGraphUserObjectMove), cudaErrorInvalidValue,
            "flags must be 0 or cudaGraphUserObjectMove");
    if (flags == cudaGraphUserObjectMove)
      require(count <= retained.references, cudaErrorInvalidValue, "more references than there are to move");
    else
      retained.references += count;
    owner->objects.push_back(std::make_shared<user_reference>(&retained, count));
    return cudaSuccess;
  });
}

cudaError_t cudaGraphReleaseUserObject(cudaGraph_t graph, cudaUserObject_t object, unsigned count) {
  return entry(__func__, {.releases = true, .after_fault = true}, [&](lock_type&) {
    user_object& released = object_of(object);
    auto& held = the().graphs->of(graph)->objects;
    const auto found = std::find_if(held.begin(), held.end(), [&](const std::shared_ptr<user_reference>& reference) {
      return reference->object == &released && reference->count == count;
    });
    require(found != held.end(), cudaErrorInvalidValue, "the graph does not hold so many references together");
    held.erase(found);
    return cudaSuccess;
  });
}

}  // extern "C"
