#include "oci/layer/tree_ahead.hpp"

#include "oci/base/error.hpp"

namespace davit::oci {

TreeAhead::TreeAhead(TreeWalk& walk, const TreeReader& reader, std::size_t threads)
    : walk_(walk), reader_(reader), state_(2 * threads + 1) {
  const auto work = [this] {
    try {
      this->work();
    } catch (const Error&) {
      // Nobody wants the rest.
    }
  };
  while (threads_.size() < threads && threads_.try_start(work)) continue;
}

TreeAhead::~TreeAhead() { end_.request_stop(); }

const TreeBatch* TreeAhead::next(const std::stop_token& stop) {
  auto state = state_.hold();
  if (threads_.empty()) {
    if (state->walked) return nullptr;
    TreeBatch& batch = state->slot(0).batch;
    state->walked = !batch.fill(walk_);
    batch.read(reader_);
    return &batch;
  }
  if (state->lent) {
    state->slot(state->freed++).ready = false;
    state->lent = false;
    state.notify();
  }
  state.wait(stop, [&] {
    return state->slot(state->freed).ready || (state->walked && state->freed == state->begun);
  });
  Slot& slot = state->slot(state->freed);
  state->lent = slot.ready;
  return slot.ready ? &slot.batch : nullptr;
}

void TreeAhead::work() {
  auto state = state_.hold();
  while (true) {
    state.wait(end_.get_token(), [&] {
      return state->walked ||
             (!state->walking && state->begun < state->freed + state->slots.size());
    });
    if (state->walked) return;
    Slot& slot = state->slot(state->begun++);
    state->walking = true;
    bool more = false;
    state.without([&] { more = slot.batch.fill(walk_); });
    state->walking = false;
    state->walked = !more;
    state.notify();
    state.without([&] { slot.batch.read(reader_); });
    slot.ready = true;
    state.notify();
  }
}

}  // namespace davit::oci
