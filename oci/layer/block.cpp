#include "oci/layer/block.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

namespace davit::oci {

struct BlockPool::State {
  explicit State(std::size_t count) : unmade(count) { idle.reserve(count); }

  std::vector<BlockBuffer> idle;  // the last one used is the first one taken: its pages are warm
  std::size_t unmade;
};

BlockPool::BlockPool(std::size_t count, std::stop_token stop)
    : state_(std::make_shared<Monitor<State>>(count)), stop_(std::move(stop)) {}

std::shared_ptr<BlockBuffer> BlockPool::take() {
  struct Loan {
    Loan(std::shared_ptr<Monitor<State>> from, BlockBuffer taken)
        : monitor(std::move(from)), buffer(std::move(taken)) {}
    ~Loan() {
      auto state = monitor->hold();
      state->idle.push_back(std::move(buffer));  // never allocates: room was reserved for all
      state.notify();
    }
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;

    std::shared_ptr<Monitor<State>> monitor;
    BlockBuffer buffer;
  };

  std::optional<BlockBuffer> buffer;
  {
    auto state = state_->hold();
    state.wait(stop_, [&] { return state->unmade > 0 || !state->idle.empty(); });
    if (!state->idle.empty()) {
      buffer = std::move(state->idle.back());
      state->idle.pop_back();
    } else {
      buffer.emplace();
      --state->unmade;
    }
  }
  buffer->resize(0);
  auto loan = std::make_shared<Loan>(state_, *std::move(buffer));
  return {loan, &loan->buffer};
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
