#include "oci/base/pipe.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace davit::oci {

void Pipe::write(Bytes bytes) {
  auto state = state_.hold();
  const std::size_t capacity = state->ring.size();
  while (!bytes.empty()) {
    state.wait(stop_, [&] { return state->used < capacity; });
    const std::size_t end = (state->start + state->used) % capacity;
    const std::size_t room = std::min(capacity - state->used, capacity - end);
    const std::size_t n = std::min(room, bytes.size());
    std::memcpy(state->ring.data() + end, bytes.data(), n);
    state->used += n;
    bytes = bytes.subspan(n);
    state.notify();
  }
}

void Pipe::close(std::exception_ptr failure) {
  auto state = state_.hold();
  state->closed = true;
  state->failure = std::move(failure);
  state.notify();
}

std::size_t Pipe::read(std::span<std::byte> into) {
  auto state = state_.hold();
  state.wait(stop_, [&] { return state->used > 0 || state->closed; });
  if (state->used == 0) {
    if (state->failure) std::rethrow_exception(state->failure);
    return 0;
  }
  const std::size_t capacity = state->ring.size();
  std::size_t done = 0;
  while (done < into.size() && state->used > 0) {
    const std::size_t n = std::min({into.size() - done, state->used, capacity - state->start});
    std::memcpy(into.data() + done, state->ring.data() + state->start, n);
    state->start = (state->start + n) % capacity;
    state->used -= n;
    done += n;
  }
  state.notify();
  return done;
}

Reader::Reader(const Call& call, Content content, std::size_t capacity)
    : stop_(call), pipe_(stop_.call().stop, capacity) {
  thread_.start([this, content = std::move(content)] {
    try {
      content(stop_.call(), pipe_);
      pipe_.close();
    } catch (...) {
      pipe_.close(std::current_exception());
    }
  });
}

Reader::~Reader() { stop_.request_stop(); }

}  // namespace davit::oci
