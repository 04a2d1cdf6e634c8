// SPDX-License-Identifier: Apache-2.0
#include "../model.hpp"

template class llama::model<fuse::bf16, fuse::cuda_executor<fuse::modes::any>>;
