#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <vector>

#include "oci/store/forwarding.hpp"
#include "tests/oci/store/images.hpp"

namespace davit::tests {

/// A store that gives parts of blobs, as a registry does, remembers which, and breaks off when it
/// was told to.
class GivesParts final : public oci::ForwardingStore {
 public:
  explicit GivesParts(oci::Store& store) : ForwardingStore(store) {}

  void fetch(const oci::Descriptor& content, oci::Sink& into) override {
    ++whole;
    to().fetch(content, into);
  }
  bool fetch_part(const oci::Descriptor& content, const oci::Part& part, oci::Sink& into) override {
    if (!gives) return false;
    std::uint64_t size = part.size;
    bool breaks = false;
    {
      const std::lock_guard lock(mutex_);
      asked.push_back(part);
      if (breaks_after) {
        size = std::min(size, *breaks_after);
        *breaks_after -= size;
        breaks = size < part.size;
      }
    }
    const std::string text = fetched(to(), content).substr(part.offset, size);
    into.write(oci::bytes_of(text));
    if (breaks) throw oci::Error(oci::ErrorKind::unavailable, "the connection was cut");
    return true;
  }

  std::uint64_t bytes_asked() {
    std::uint64_t sum = 0;
    for (const oci::Part& part : asked) sum += part.size;
    return sum;
  }

  bool gives = true;
  std::optional<std::uint64_t> breaks_after;
  std::vector<oci::Part> asked;
  std::atomic<int> whole = 0;

 private:
  std::mutex mutex_;
};

}  // namespace davit::tests
