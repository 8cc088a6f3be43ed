#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>

#include "oci/base/bytes.hpp"
#include "oci/base/monitor.hpp"
#include "oci/base/stream.hpp"

namespace davit::oci {

/// Inside the layer chain bytes travel in blocks of this size. It is part of the gzip format this
/// program writes: changing it changes digests.
inline constexpr std::size_t block_size = 1 * MiB;

/// Memory for block_size bytes, of which the first `size()` are filled. Neither making it nor
/// using it again clears it. A contiguous range: `Bytes(buffer)` is what is filled.
class BlockBuffer {
 public:
  BlockBuffer() : memory_(std::make_unique_for_overwrite<std::byte[]>(block_size)) {}

  std::byte* data() { return memory_.get(); }
  const std::byte* data() const { return memory_.get(); }
  std::size_t size() const { return size_; }
  const std::byte* begin() const { return data(); }
  const std::byte* end() const { return data() + size_; }

  /// Says how much is filled, at most block_size; the bytes stay as they are.
  void resize(std::size_t size) { size_ = size; }

 private:
  std::unique_ptr<std::byte[]> memory_;
  std::size_t size_ = 0;
};

/// A run of at most block_size bytes, shared by the stages of the chain and immutable once passed
/// on. The last owner gives the memory back to its pool, which may be gone by then.
using Block = std::shared_ptr<const BlockBuffer>;

/// A fixed number of blocks, reused: what bounds the memory of a chain.
class BlockPool {
 public:
  explicit BlockPool(std::size_t count, std::stop_token stop = {});
  ~BlockPool() = default;
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  /// An empty buffer; waits until one comes back. A stop ends that with Error(interrupted).
  std::shared_ptr<BlockBuffer> take();

 private:
  struct State;
  std::shared_ptr<Monitor<State>> state_;
  const std::stop_token stop_;
};

/// Cuts a stream into full blocks, whatever the sizes of the writes; only the last is shorter.
class BlockWriter final : public Sink {
 public:
  BlockWriter(BlockPool& pool, std::function<void(Block)> full);

  void write(Bytes bytes) override;

  /// Without a copy: the unfilled rest of the current block (never empty), to be filled from its
  /// start, and how much of it was.
  std::span<std::byte> space();
  void advance(std::size_t filled);

  /// Passes the last, shorter block on. Nothing is written after it.
  void finish();

 private:
  void pass_on();

  BlockPool& pool_;
  std::function<void(Block)> full_;
  std::shared_ptr<BlockBuffer> current_;
  std::size_t used_ = 0;
};

/// What a layer's tar is written by. A Content is one, too.
using TarSource = std::function<void(BlockWriter&)>;

}  // namespace davit::oci
