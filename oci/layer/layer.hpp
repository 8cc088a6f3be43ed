#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <stop_token>
#include <thread>

#include "oci/base/queue.hpp"
#include "oci/base/threads.hpp"
#include "oci/layer/block.hpp"
#include "oci/layer/compression.hpp"
#include "oci/layer/gzip.hpp"
#include "oci/model/digest.hpp"

namespace davit::oci {

/// The threads that compress, shared by all layers that are built at the same time: one for each
/// core to be used, whatever the number of layers. Where the system starts no thread, whoever has a
/// task to run does it.
class CompressionPool {
 public:
  using Task = std::packaged_task<DeflatedBlock()>;

  explicit CompressionPool(std::size_t threads = std::thread::hardware_concurrency());
  /// Drops what has not begun.
  ~CompressionPool();
  CompressionPool(const CompressionPool&) = delete;
  CompressionPool& operator=(const CompressionPool&) = delete;

  /// At least 1.
  std::size_t threads() const { return std::max<std::size_t>(threads_.size(), 1); }
  /// In turn, first come, first served.
  void run(Task task);

 private:
  std::stop_source stop_;
  Queue<Task> tasks_{stop_.get_token()};
  Threads threads_;
};

struct LayerInfo {
  Digest diff_id;              ///< of the tar, so of the layer once decompressed
  std::uint64_t tar_size = 0;  ///< bytes
};

/// Builds a layer in one pass: `tar` writes on a thread of its own, what it writes is hashed on
/// another and compressed by the pool (zstd: by as many threads of libzstd), and the result goes
/// in order to `out`, on the calling thread and in large pieces. The bytes depend on the tar and
/// the compression alone, never on threads or timing.
///
/// Memory for each layer under way, with content that does not compress: with gzip at most 9 MiB
/// and 6 MiB for each thread of the pool; with zstd 24 MiB and 18 MiB, above level 6 more.
///
/// The first failure of `tar` or `out`, or a stop (Error(interrupted)), ends all stages and is
/// thrown once they have ended: at the next block that `tar` writes, and when `out` returns.
LayerInfo write_layer(const TarSource& tar, const Compression& compression, CompressionPool& pool,
                      Sink& out, const std::stop_token& stop = {});

}  // namespace davit::oci
