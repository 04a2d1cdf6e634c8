// SPDX-License-Identifier: Apache-2.0
#include "../model.hpp"

template class llama::model<float, fuse::cuda_executor<fuse::modes::any>>;
