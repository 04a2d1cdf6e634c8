// SPDX-License-Identifier: Apache-2.0
#include "../model.hpp"

template class llama::model<float, fuse::host_executor<fuse::modes::any>>;
