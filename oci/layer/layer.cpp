#include "oci/layer/layer.hpp"

#include <algorithm>
#include <exception>
#include <mutex>
#include <optional>
#include <utility>

#include "oci/base/call.hpp"
#include "oci/base/error.hpp"
#include "oci/base/monitor.hpp"
#include "oci/layer/gzip.hpp"
#include "oci/layer/zstd.hpp"

namespace davit::oci {
namespace {

/// A tar on its way: written on one thread, hashed on a second, and made block by block into items
/// for the thread that owns this.
template <class Item>
class TarStream {
 public:
  /// At most `blocks` are under way, and at most `items` wait to be popped. `make_item` is called
  /// on the tar's thread.
  TarStream(const TarSource& tar, std::size_t blocks, std::size_t items,
            std::function<Item(Block)> make_item, const std::stop_token& stop)
      : stop_({.stop = stop}),
        blocks_(blocks, stop_.call().stop),
        to_hash_(stop_.call().stop),
        items_(stop_.call().stop, items),
        make_item_(std::move(make_item)) {
    try {
      threads_.start([this] { hash(); });
      threads_.start([this, &tar] { write(tar); });
    } catch (...) {
      fail(std::current_exception());  // The first thread waits for blocks that nobody writes.
      throw;
    }
  }

  /// Ends both threads, wherever they are, and waits for them.
  ~TarStream() { stop_.request_stop(); }

  TarStream(const TarStream&) = delete;
  TarStream& operator=(const TarStream&) = delete;

  /// Nothing at the end. Throws what went wrong with the tar.
  std::optional<Item> next() {
    try {
      return items_.pop();
    } catch (const Error&) {
      if (const std::exception_ptr failure = *failure_.hold()) std::rethrow_exception(failure);
      throw;
    }
  }

  /// After the end; once.
  LayerInfo info() { return hashed_.get_future().get(); }

 private:
  void write(const TarSource& tar) {
    try {
      BlockWriter writer(blocks_, [this](Block block) {
        to_hash_.push(block);
        items_.push(make_item_(std::move(block)));
      });
      tar(writer);
      writer.finish();
      to_hash_.close();
      items_.close();
    } catch (...) {
      fail(std::current_exception());
    }
  }

  void hash() {
    try {
      Hasher hasher;
      std::uint64_t size = 0;
      while (const auto block = to_hash_.pop()) {
        hasher.write(**block);
        size += (*block)->size();
      }
      hashed_.set_value({hasher.finish(), size});
    } catch (...) {
      fail(std::current_exception());
      hashed_.set_exception(std::current_exception());
    }
  }

  /// Ends all waits, in this stream's threads and in its owner's. The first failure counts.
  void fail(std::exception_ptr failure) {
    {
      auto first = failure_.hold();
      if (!*first) *first = std::move(failure);
    }
    stop_.request_stop();
  }

  Stopper stop_;
  Monitor<std::exception_ptr> failure_;
  BlockPool blocks_;
  Queue<Block> to_hash_;  // the blocks bound it
  Queue<Item> items_;
  std::function<Item(Block)> make_item_;
  std::promise<LayerInfo> hashed_;
  Threads threads_;
};

/// Lends what is costly to make to one thread after the other.
template <class T>
class Lender {
 public:
  template <class Make>
  T take(Make make) {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        T thing = std::move(idle_.back());
        idle_.pop_back();
        return thing;
      }
    }
    return make();
  }

  void give_back(T thing) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(thing));
  }

 private:
  std::mutex mutex_;
  std::vector<T> idle_;
};

/// What the tasks of one gzip layer share.
class GzipWork {
 public:
  explicit GzipWork(std::optional<int> level) : level_(level) {}

  DeflatedBlock deflate(const Block& before, const Block& block) {
    auto deflater = deflaters_.take(
        [this] { return level_ ? make_zlib_deflater(*level_) : make_fast_deflater(); });
    auto buffer =
        buffers_.take([] { return std::make_unique_for_overwrite<std::byte[]>(deflated_limit); });
    DeflatedBlock deflated = deflate_block(*deflater, before, block, std::move(buffer));
    deflaters_.give_back(std::move(deflater));
    return deflated;
  }
  void recycle(DeflatedBlock written) { buffers_.give_back(std::move(written.buffer)); }

 private:
  const std::optional<int> level_;
  Lender<std::unique_ptr<BlockDeflater>> deflaters_;
  Lender<std::unique_ptr<std::byte[]>> buffers_;
};

/// Some that are filled and hashed; for each thread the one it works on, the one before that, and
/// one in wait. With more, two cores were no faster.
std::size_t gzip_blocks(std::size_t threads) { return 4 + 3 * threads; }
/// For each thread one at work and one done: what a sink that stalls for a moment does not stop.
std::size_t gzip_items(std::size_t threads) { return 2 + 2 * threads; }

LayerInfo write_gzip(const TarSource& tar, std::optional<int> level, CompressionPool& pool,
                     Sink& out, const std::stop_token& stop) {
  const auto work = std::make_shared<GzipWork>(level);
  Block before;
  const auto deflate_later = [&](Block block) {
    // A layer that failed does not wait for its tasks: they find nothing to work for.
    CompressionPool::Task task([weak = std::weak_ptr(work), before, block] {
      const auto alive = weak.lock();
      return alive ? alive->deflate(before, block) : DeflatedBlock{};
    });
    before = std::move(block);
    std::future<DeflatedBlock> deflated = task.get_future();
    pool.run(std::move(task));
    return deflated;
  };
  TarStream<std::future<DeflatedBlock>> stream(tar, gzip_blocks(pool.threads()),
                                               gzip_items(pool.threads()), deflate_later, stop);
  GzipMember member(out);
  member.begin();
  while (auto deflated = stream.next()) {
    DeflatedBlock block = deflated->get();
    member.add(block);
    work->recycle(std::move(block));
  }
  member.finish();
  return stream.info();
}

/// libzstd keeps what it works on itself: enough to fill and hash while it takes one.
constexpr std::size_t stream_blocks = 6;

Block same(Block block) { return block; }

LayerInfo write_zstd(const TarSource& tar, int level, std::size_t threads, Sink& out,
                     const std::stop_token& stop) {
  TarStream<Block> stream(tar, stream_blocks, stream_blocks, same, stop);
  ZstdWriter zstd(level, threads, out);
  while (const auto block = stream.next()) zstd.write(**block);
  zstd.finish();
  return stream.info();
}

LayerInfo write_plain(const TarSource& tar, Sink& out, const std::stop_token& stop) {
  TarStream<Block> stream(tar, stream_blocks, stream_blocks, same, stop);
  while (const auto block = stream.next()) out.write(**block);
  return stream.info();
}

}  // namespace

CompressionPool::CompressionPool(std::size_t threads) {
  const auto work = [this] {
    try {
      while (auto task = tasks_.pop()) (*task)();
    } catch (const Error&) {
      // The pool has ended.
    }
  };
  threads = std::max<std::size_t>(threads, 1);
  while (threads_.size() < threads && threads_.try_start(work)) continue;
}

void CompressionPool::run(Task task) {
  if (threads_.empty()) return task();
  tasks_.push(std::move(task));
}

CompressionPool::~CompressionPool() { stop_.request_stop(); }

LayerInfo write_layer(const TarSource& tar, const Compression& compression, CompressionPool& pool,
                      Sink& out, const std::stop_token& stop) {
  switch (compression.format()) {
    case LayerFormat::gzip:
      return write_gzip(tar, compression.level(), pool, out, stop);
    case LayerFormat::zstd:
      return write_zstd(tar, compression.level().value_or(default_zstd_level), pool.threads(), out,
                        stop);
    case LayerFormat::tar:
      break;
  }
  return write_plain(tar, out, stop);
}

}  // namespace davit::oci
