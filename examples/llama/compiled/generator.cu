// SPDX-License-Identifier: Apache-2.0
#include "../generate.hpp"

template class llama::sampler<fuse::cuda_executor<fuse::modes::any>>;
template class llama::any_model<fuse::cuda_executor<fuse::modes::any>>;
template class llama::generator<fuse::cuda_executor<fuse::modes::any>>;
