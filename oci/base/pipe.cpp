#include "oci/base/pipe.hpp"

#include <algorithm>
#include <cstring>

#include "oci/base/error.hpp"

namespace davit::oci {

void Pipe::write(Bytes bytes) {
  std::unique_lock lock(mutex_);
  while (!bytes.empty()) {
    changed_.wait(lock, [&] { return abandoned_ || used_ < ring_.size(); });
    if (abandoned_) throw Error(ErrorKind::interrupted, "the reader stopped reading");
    const std::size_t end = (start_ + used_) % ring_.size();
    const std::size_t room = std::min(ring_.size() - used_, ring_.size() - end);
    const std::size_t n = std::min(room, bytes.size());
    std::memcpy(ring_.data() + end, bytes.data(), n);
    used_ += n;
    bytes = bytes.subspan(n);
    changed_.notify_all();
  }
}

void Pipe::close(std::exception_ptr failure) {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  failure_ = std::move(failure);
  changed_.notify_all();
}

std::size_t Pipe::read(std::span<std::byte> into) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return used_ > 0 || closed_; });
  if (used_ == 0) {
    if (failure_) std::rethrow_exception(failure_);
    return 0;
  }
  std::size_t done = 0;
  while (done < into.size() && used_ > 0) {
    const std::size_t n = std::min({into.size() - done, used_, ring_.size() - start_});
    std::memcpy(into.data() + done, ring_.data() + start_, n);
    start_ = (start_ + n) % ring_.size();
    used_ -= n;
    done += n;
  }
  changed_.notify_all();
  return done;
}

void Pipe::abandon() {
  const std::lock_guard lock(mutex_);
  abandoned_ = true;
  changed_.notify_all();
}

Reader::Reader(const Call& call, Content content, std::size_t capacity)
    : stop_(call), pipe_(capacity) {
  thread_ = std::jthread([this, content = std::move(content)] {
    try {
      content(stop_.call(), pipe_);
      pipe_.close();
    } catch (...) {
      pipe_.close(std::current_exception());
    }
  });
}

Reader::~Reader() {
  stop_.request_stop();
  pipe_.abandon();
}

}  // namespace davit::oci
