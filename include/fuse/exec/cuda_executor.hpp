// SPDX-License-Identifier: Apache-2.0
// Runs compiled functions on a CUDA stream. Calls return when the kernels are enqueued; results are valid once the
// stream has reached them.
#pragma once
#include <fuse/exec/cuda_early_starts.hpp>
#include <fuse/exec/cuda_memory_pool.hpp>
#include <fuse/exec/cuda_side_by_side.hpp>
#include <fuse/exec/mode.hpp>
#include <fuse/exec/profile_range.hpp>
#include <fuse/exec/recorder.hpp>
#include <fuse/exec/session.hpp>

namespace fuse {

class cuda_recorder : public recorder {
 public:
  /// A kernel of this function has been launched into the stream.
  virtual void launched(const char* name, cudaStream_t stream) = 0;
  /// May the kernel to come start while the one before it in the stream runs?
  virtual bool may_start_early(cudaStream_t) { return true; }
  /// A launch that was to start early failed with `early`, and then without that with `late`.
  virtual void started_late(cudaError_t /*early*/, cudaError_t /*late*/) {}
  /// What copies memory. Null: cudaMemcpyAsync, which must be given real addresses.
  using copy_function = void (*)(char* to, const char* from, index bytes);
  virtual copy_function copy_kernel() const { return nullptr; }

 protected:
  ~cuda_recorder() = default;
};

/// One executor serves one thread and one stream. It does not own the stream; tensors it allocates are given back in
/// stream order, so the stream must outlive them.
template <modes Built = modes::fused>
class cuda_executor {
 public:
  static constexpr modes built_with = Built;
  static constexpr std::uintptr_t alignment = 16;  // of the memory that kernels read and write

  explicit cuda_executor(cudaStream_t stream) : stream_(stream), mode_(mode_from_environment<Built>()) {
    cuda::check(cudaGetDevice(&device_), "cudaGetDevice");
    cuda::check(cudaDeviceGetAttribute(&multiprocessors_, cudaDevAttrMultiProcessorCount, device_),
                "cudaDeviceGetAttribute");
    cuda::check(cudaDeviceGetAttribute(&most_shared_, cudaDevAttrMaxSharedMemoryPerBlockOptin, device_),
                "cudaDeviceGetAttribute");
    int major = 0;
    cuda::check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device_), "cudaDeviceGetAttribute");
    starts_early_ = major >= 9;
  }
  cuda_executor(cudaStream_t stream, mode m) : cuda_executor(stream) {
    static_assert(Built == modes::any, "fuse::cuda_executor: choosing a mode needs cuda_executor<modes::any>");
    if (mode_ != mode::eager) mode_ = m;
  }

  mode current_mode() const { return mode_; }
  /// Returns the mode before.
  mode exchange_mode(mode m) {
    if (m == mode::eager && Built != modes::any)
      throw error(error_category::mode, "fuse::cuda_executor: eager mode needs cuda_executor<modes::any>");
    return std::exchange(mode_, m);
  }
  cudaStream_t stream() const { return stream_; }
  /// The device that was current when the executor was made, and is to be whenever it works.
  int device() const { return device_; }
  /// Returns the stream before.
  cudaStream_t exchange_stream(cudaStream_t s) { return std::exchange(stream_, s); }
  /// Where captures of its work start kernels early.
  cuda::early_starts& early_starts() { return early_starts_; }
  /// Kernels launched since the executor was made.
  std::int64_t launches() const { return launches_; }
  void synchronize() {
    if (recorder_ && recorder_->captures())
      throw error(error_category::capture,
                  "fuse::cuda_executor: synchronize, upload and download cannot be part of a captured graph (put the "
                  "code that needs them into fuse::uncaptured, or outside the graphed function)");
    cuda::check(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
  }

  /// Null: calls run. Else their kernels go into the stream, which is being captured, and their memory is its.
  cuda_recorder* recording() const { return recorder_; }
  void record(cuda_recorder* r) { recorder_ = r; }

  /// Device memory in stream order.
  buffer allocate(std::size_t bytes) {
    if (recorder_) {
      buffer b = recorder_->allocate(bytes);
      if (recorder_->captures()) clean_stack();
      return b;
    }
    return {pool_.allocate(device_, bytes, stream_),
            [](void* q, void* stream) noexcept { cudaFreeAsync(q, static_cast<cudaStream_t>(stream)); }, stream_};
  }
  template <class T, class E>
  tensor<T, E> empty(const std::array<index, E::rank>& extents) {
    return tensor<T, E>(extents, allocate(views::bytes<T, E>(extents)));
  }
  /// A copy on the device. The host memory may be reused when this returns.
  template <class T, class E>
  tensor<T, E> upload(const tensor<T, E>& host) {
    tensor<T, E> r = empty<T, E>(host.extents());
    cuda::check(cudaMemcpyAsync(r.data(), host.data(), static_cast<std::size_t>(host.size()) * sizeof(T),
                                cudaMemcpyHostToDevice, stream_),
                "cudaMemcpyAsync");
    synchronize();
    return r;
  }
  /// A copy on the host, complete when this returns.
  template <class T, class E>
  tensor<T, E> download(const tensor<T, E>& device) {
    tensor<T, E> r(device.extents());
    cuda::check(cudaMemcpyAsync(r.data(), device.data(), static_cast<std::size_t>(device.size()) * sizeof(T),
                                cudaMemcpyDeviceToHost, stream_),
                "cudaMemcpyAsync");
    synchronize();
    return r;
  }
  /// One element, once it has been computed.
  template <class T>
  T fetch(const T* p) {
    T value{};
    cuda::check(cudaMemcpyAsync(&value, p, sizeof value, cudaMemcpyDeviceToHost, stream_), "cudaMemcpyAsync");
    synchronize();
    return value;
  }

  // ---- what a session asks of an executor ----
  template <class Source>
  void run(const char* name, const argument* arguments, const argument* outputs) {
    const profile_range range(name);
    session::run<Source>(*this, name, arguments, outputs);
    if (recorder_ && recorder_->captures()) clean_stack();
  }
  /// Throws unless p is device memory; which() names it.
  template <class Which>
  void check_pointer(const Which& which, const void* p) {
    if (recorder_ && shadow::is(p)) return;
    // Pointers seen before need no second question to the driver.
    const void*& known =
        known_pointers_[reinterpret_cast<std::uintptr_t>(p) / 256 % (sizeof known_pointers_ / sizeof *known_pointers_)];
    if (known == p) return;
    check_memory(which, p);
    known = p;
  }
  /// The same, and asks the driver every time.
  template <class Which>
  void check_memory(const Which& which, const void* p) {
    cudaPointerAttributes a{};
    const cudaError_t e = [&] {
      const cuda::relaxed_capture only_a_question;
      return cudaPointerGetAttributes(&a, p);
    }();
    if (e == cudaErrorInvalidValue)
      cudaGetLastError();  // no pointer that CUDA knows
    else
      cuda::check(e, "cudaPointerGetAttributes");
    if (e != cudaSuccess || (a.type != cudaMemoryTypeDevice && a.type != cudaMemoryTypeManaged))
      throw error(error_category::argument,
                  which() << ": the pointer is not device memory, or no longer (upload the tensor, or use a "
                             "host_executor)");
  }
  void clear(char* to, std::size_t bytes) { cuda::check(cudaMemsetAsync(to, 0, bytes, stream_), "cudaMemsetAsync"); }
  void copy(const char* name, char* to, const char* from, std::size_t bytes) {
    if (const auto kernel = recorder_ ? recorder_->copy_kernel() : nullptr)
      start(name, kernel, cuda::blocks_for(static_cast<index>(bytes / 16), 256), 256, 0, to, from,
            static_cast<index>(bytes));
    else
      cuda::check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream_), "cudaMemcpyAsync", name);
  }
  char* workspace(std::size_t bytes) { return workspace(workspace_kind::temporaries, bytes); }
  char* workspace(workspace_kind kind, std::size_t bytes) {
    if (recorder_) return recorder_->workspace(kind, bytes);
    auto& [memory, have] = workspace_[static_cast<int>(kind)];
    if (bytes > have) {
      memory = buffer{};
      have = 0;
      memory = allocate(bytes);
      have = bytes;
    }
    return static_cast<char*>(memory.data());
  }

  /// Launches a kernel, which begins with cuda::follow_predecessor(): it may be started while the one before it runs.
  template <class... Parameters, class... A>
  void start(const char* name, void (*kernel)(Parameters...), unsigned grid, unsigned threads, std::size_t shared,
             const A&... a) {
    std::tuple<std::remove_const_t<Parameters>...> parameters{a...};
    std::apply(
        [&](auto&... p) {
          void* pointers[] = {&p...};
          start(name, reinterpret_cast<const void*>(kernel), grid, threads, shared, pointers);
        },
        parameters);
  }
  template <class P, class... Rest>
  void launch(const char* name, const parts<P, Rest...>& all) {
    using namespace cuda;
    static_assert(((Rest::kind == P::kind) && ...));
    if constexpr (sizeof...(Rest) == 0) {
      launch_one<P>(name, all.first.arguments);
    } else if constexpr (P::kind == family::map) {
      side_by_side<P, Rest...> placed;
      const unsigned grid = place(all, placed, 0);
      start(name, maps_kernel<P, Rest...>, grid, 256, 0, placed);
    } else {
      const int width = width_of_tiles(all);
      side_by_side<P, Rest...> placed;
      const unsigned grid = place(all, placed, width);
      start(name, tiles_kernel<P, Rest...>, grid, threads_for(width), 0, placed, width);
    }
  }
  /// Finds the memory that a launch of the kernel takes beside its arguments: launch() then does not fail for want of
  /// it.
  template <class P>
  void reserve(P, const typename P::arguments& a) {
    using namespace cuda;
    if (recorder_) return;  // it owns the memory of what it records
    if constexpr (P::kind == family::row)
      scratch_of<P>(a, elements_are_wide<P>(a));
    else if constexpr (P::kind == family::attention)
      scratch_of<P>(a, true);
  }

 private:
  void start(const char* name, const void* kernel, unsigned grid, unsigned threads, std::size_t shared,
             void** pointers) {
    cudaLaunchAttribute early{};
    early.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    early.val.programmaticStreamSerializationAllowed = 1;
    cudaLaunchConfig_t how{};
    how.gridDim = dim3(grid), how.blockDim = dim3(threads), how.dynamicSmemBytes = shared, how.stream = stream_;
    how.attrs = &early, how.numAttrs = starts_early_ && (!recorder_ || recorder_->may_start_early(stream_)) ? 1 : 0;
    cudaError_t e = cudaLaunchKernelExC(&how, kernel, pointers);
    if (recorder_ && recorder_->captures() && how.numAttrs > 0 && cuda::early_starts::may_mean(e)) {
      how.numAttrs = 0;
      const cudaError_t late = cudaLaunchKernelExC(&how, kernel, pointers);
      recorder_->started_late(e, late);
      if (late == cudaSuccess) e = late;
    }
    cuda::check(e, "kernel launch", name);
    ++launches_;
    if (recorder_) recorder_->launched(name, stream_);
  }
  template <class P>
  void launch_one(const char* name, const typename P::arguments& a) {
    using namespace cuda;
    if constexpr (P::kind == family::map) {
      const bool wide = elements_are_wide<P>(a);
      const index packs = map_packs<P>(a, wide ? lanes<P> : 1);
      start(name, map_kernel<P>, blocks_for(packs, 256), 256, 0, a, packs, wide);
    } else if constexpr (P::kind == family::row) {
      constexpr row_shape shape = row_shape_of<P>;
      const bool wide = elements_are_wide<P>(a);
      const index n = a.extent[P::outer], packs = (n + (wide ? lanes<P> : 1) - 1) / (wide ? lanes<P> : 1);
      int threads = shape.threads;
      if (shape.held == 0)
        while (threads > 32 && threads / 2 >= packs) threads /= 2;
      const scratch_plan s = scratch_of<P>(a, wide);
      start(name, row_kernel<P>, s.grid, static_cast<unsigned>(threads), s.shared, a, s.global, s.stride,
            capacity_of(n), wide);
    } else if constexpr (P::kind == family::tile) {
      const int width = width_of_tiles(least_tile_width<P>, [&](int w) { return tiles::count<P>(a, w); });
      const index count = tiles::count<P>(a, width);
      start(name, tile_kernel<P>, blocks_for(count, 1), threads_for(width), 0, a, count, width,
            products_are_wide<P>(a));
    } else {
      const scratch_plan s = scratch_of<P>(a, true);
      start(name, attention_kernel<P>, s.grid, 256, s.shared, a, s.global, s.stride, capacity_of(a.extent[P::outer]),
            products_are_wide<P>(a));
    }
  }
  /// Tiles become narrower until there are blocks for every multiprocessor.
  template <class Count>
  int width_of_tiles(int least, const Count& count) const {
    int width = tiles::tile_columns;
    while (width > least && count(width) < 4 * multiprocessors_) width /= 2;
    return width;
  }
  template <class... P>
  int width_of_tiles(const parts<P...>& all) const {
    int least = 0;
    ((least = least < cuda::least_tile_width<P> ? cuda::least_tile_width<P> : least), ...);
    return width_of_tiles(least, [&](int width) {
      index n = 0;
      for_each_part(all, [&]<class Q>(const part<Q>& x) { n += x.any ? tiles::count<Q>(x.arguments, width) : 0; });
      return n;
    });
  }
  static unsigned threads_for(int width) { return width < 32 ? static_cast<unsigned>(width) * 8 : 256; }
  struct scratch_plan {
    unsigned grid;
    std::size_t shared;
    char* global;
    index stride;
  };
  static index capacity_of(index n) { return (n + 15) / 16 * 16; }
  /// What a row or attention kernel takes. wide: with the lanes of the program.
  template <class P>
  scratch_plan scratch_of(const typename P::arguments& a, [[maybe_unused]] bool wide) {
    using namespace cuda;
    const index capacity = capacity_of(a.extent[P::outer]);
    if constexpr (P::kind == family::row) {
      const bool needed = row_shape_of<P>.held == 0 || !wide;
      return plan_scratch(row_kernel<P>, needed ? rows::scratch_bytes<P, device_values> * capacity : 0,
                          row_count<P>(a));
    } else {
      return plan_scratch(
          attention_kernel<P>,
          attentions::scratch_bytes<P, device_values>(capacity, a.extent[P::column], 256, column_lanes<P>),
          row_count<P>(a));
    }
  }
  /// Scratch memory of a block: shared memory if it fits, else device memory for as many blocks as run at once.
  template <class K>
  scratch_plan plan_scratch(K kernel, index bytes, index rows) {
    const unsigned grid = cuda::blocks_for(rows, 1);
    if (bytes <= 47 * 1024) return {grid, static_cast<std::size_t>(bytes), nullptr, 0};
    if (bytes <= most_dynamic()) {
      raise_shared_limit(reinterpret_cast<const void*>(kernel));
      return {grid, static_cast<std::size_t>(bytes), nullptr, 0};
    }
    const unsigned most = static_cast<unsigned>(multiprocessors_) * 4, used = grid < most ? grid : most;
    const index stride = (bytes + 255) / 256 * 256;
    return {used, 0, workspace(workspace_kind::scratch, static_cast<std::size_t>(stride) * used), stride};
  }
  /// Dynamic shared memory that every kernel may have beside its own.
  index most_dynamic() const { return most_shared_ - 1024; }
  /// Lets the kernel have the most. A limit that went with each launch would be lowered by the next smaller one, under
  /// what graphs and other threads launch; this one is the same whoever sets it.
  void raise_shared_limit(const void* kernel) {
    const void*& known = raised_[reinterpret_cast<std::uintptr_t>(kernel) / 16 % std::size(raised_)];
    if (known == kernel) return;
    const cuda::relaxed_capture no_stream_is_concerned;
    cuda::check(
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(most_dynamic())),
        "cudaFuncSetAttribute");
    known = kernel;
  }
  cudaStream_t stream_;
  mode mode_;
  int device_ = 0, multiprocessors_ = 0, most_shared_ = 0;
  bool starts_early_ = false;
  cuda_recorder* recorder_ = nullptr;
  std::int64_t launches_ = 0;
  cuda::memory_pool pool_;
  struct {
    buffer memory;
    std::size_t bytes = 0;
  } workspace_[2];
  const void* known_pointers_[64]{};
  const void* raised_[16]{};  // kernels whose limit has been raised
  cuda::early_starts early_starts_;
};

}  // namespace fuse
