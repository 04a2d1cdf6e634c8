// SPDX-License-Identifier: Apache-2.0
#include "../model.hpp"

template class llama::model<fuse::f16, fuse::cuda_executor<fuse::modes::any>>;
