// SPDX-License-Identifier: Apache-2.0
#include "../generate.hpp"

template class llama::sampler<fuse::host_executor<fuse::modes::any>>;
template class llama::any_model<fuse::host_executor<fuse::modes::any>>;
template class llama::generator<fuse::host_executor<fuse::modes::any>>;
