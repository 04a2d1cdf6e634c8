// SPDX-License-Identifier: Apache-2.0
#include "counter_log.hpp"

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

namespace sim::runtime {

void log_counters(const control::launch_record& launch) {
  static const char* const path = std::getenv("FUSE_SIM_COUNTERS");
  if (path == nullptr) return;
  static std::ofstream file(path);
  const counters& c = launch.counts;
  nlohmann::ordered_json line = {{"kernel", launch.kernel},
                                 {"grid", {launch.grid.x, launch.grid.y, launch.grid.z}},
                                 {"block", {launch.block.x, launch.block.y, launch.block.z}},
                                 {"load_requests", c.loads.requests},
                                 {"load_sectors", c.loads.sectors},
                                 {"store_requests", c.stores.requests},
                                 {"store_sectors", c.stores.sectors},
                                 {"bytes_read", c.loads.distinct_bytes},
                                 {"bytes_written", c.stores.distinct_bytes},
                                 {"shared_requests", c.shared_requests},
                                 {"bank_conflicts", c.bank_conflicts},
                                 {"local_accesses", c.local_accesses},
                                 {"atomics", c.atomics},
                                 {"barriers", c.barriers},
                                 {"warp_instructions", c.warp_total()}};
  file << line << std::endl;
  if (!file) throw std::runtime_error(std::string("sim::runtime: FUSE_SIM_COUNTERS: cannot write to ") + path);
}

}  // namespace sim::runtime
