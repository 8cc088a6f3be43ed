#include "oci/layer/tree_ahead.hpp"

namespace davit::oci {

TreeAhead::TreeAhead(TreeWalk& walk, const TreeReader& reader, std::size_t threads)
    : walk_(walk), reader_(reader), slots_(2 * threads + 1) {
  while (threads_.size() < threads && threads_.try_start([this] { work(); })) continue;
}

TreeAhead::~TreeAhead() {
  const std::lock_guard lock(mutex_);
  walked_ = true;
  room_.notify_all();
}

const TreeBatch* TreeAhead::next() {
  if (threads_.empty()) {
    if (walked_) return nullptr;
    walked_ = !slots_[0].batch.fill(walk_);
    slots_[0].batch.read(reader_);
    return &slots_[0].batch;
  }
  std::unique_lock lock(mutex_);
  if (lent_) {
    slot(freed_++).ready = false;
    lent_ = false;
    room_.notify_one();
  }
  ready_.wait(lock, [&] { return slot(freed_).ready || (walked_ && freed_ == begun_); });
  lent_ = slot(freed_).ready;
  return lent_ ? &slot(freed_).batch : nullptr;
}

void TreeAhead::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    room_.wait(lock, [&] { return walked_ || (!walking_ && begun_ < freed_ + slots_.size()); });
    if (walked_) return;
    const std::size_t number = begun_++;
    TreeBatch& batch = slot(number).batch;
    walking_ = true;
    lock.unlock();
    const bool more = batch.fill(walk_);
    lock.lock();
    walking_ = false;
    if (!more) {
      walked_ = true;
      room_.notify_all();
    } else {
      room_.notify_one();
    }
    lock.unlock();
    batch.read(reader_);
    lock.lock();
    slot(number).ready = true;
    if (number == freed_) ready_.notify_one();
  }
}

}  // namespace davit::oci
