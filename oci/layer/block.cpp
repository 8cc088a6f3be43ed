#include "oci/layer/block.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <utility>
#include <vector>

#include "oci/base/error.hpp"

namespace davit::oci {

struct BlockPool::State {
  explicit State(std::size_t count) : unmade(count) { idle.reserve(count); }

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<BlockBuffer> idle;  // the last one used is the first one taken: its pages are warm
  std::size_t unmade;
  bool stopped = false;
};

BlockPool::BlockPool(std::size_t count) : state_(std::make_shared<State>(count)) {}

std::shared_ptr<BlockBuffer> BlockPool::take() {
  struct Loan {
    Loan(std::shared_ptr<State> from, BlockBuffer taken)
        : state(std::move(from)), buffer(std::move(taken)) {}
    ~Loan() {
      const std::lock_guard lock(state->mutex);
      state->idle.push_back(std::move(buffer));  // never allocates: room was reserved for all
      state->changed.notify_one();
    }
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;

    std::shared_ptr<State> state;
    BlockBuffer buffer;
  };

  std::unique_lock lock(state_->mutex);
  state_->changed.wait(
      lock, [&] { return state_->stopped || state_->unmade > 0 || !state_->idle.empty(); });
  if (state_->stopped) throw Error(ErrorKind::interrupted, "interrupted");
  if (state_->idle.empty()) {
    state_->idle.emplace_back();
    --state_->unmade;
  }
  BlockBuffer buffer = std::move(state_->idle.back());
  state_->idle.pop_back();
  lock.unlock();
  buffer.resize(0);
  auto loan = std::make_shared<Loan>(state_, std::move(buffer));
  return {loan, &loan->buffer};
}

void BlockPool::stop() {
  const std::lock_guard lock(state_->mutex);
  state_->stopped = true;
  state_->changed.notify_all();
}

BlockWriter::BlockWriter(BlockPool& pool, std::function<void(Block)> full)
    : pool_(pool), full_(std::move(full)) {}

void BlockWriter::write(Bytes bytes) {
  while (!bytes.empty()) {
    const std::span<std::byte> room = space();
    const std::size_t n = std::min(room.size(), bytes.size());
    std::memcpy(room.data(), bytes.data(), n);
    advance(n);
    bytes = bytes.subspan(n);
  }
}

std::span<std::byte> BlockWriter::space() {
  if (!current_) current_ = pool_.take();
  return {current_->data() + used_, block_size - used_};
}

void BlockWriter::advance(std::size_t filled) {
  used_ += filled;
  if (used_ == block_size) pass_on();
}

void BlockWriter::finish() {
  if (used_ > 0) pass_on();
}

void BlockWriter::pass_on() {
  current_->resize(used_);
  used_ = 0;
  full_(std::exchange(current_, nullptr));
}

}  // namespace davit::oci
