#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "oci/store/forwarding.hpp"
#include "tests/oci/store/images.hpp"

namespace davit::tests {

/// A little more than two parts of an assembly.
inline constexpr std::uint64_t large = 2 * oci::assembly_part_size + 1000;
inline const std::string& large_noise() {
  static const std::string bytes = noise(large, 1);
  return bytes;
}

/// A store that gives parts of blobs, as a registry does, remembers which, and breaks off when it
/// was told to.
class GivesParts final : public oci::ForwardingStore {
 public:
  explicit GivesParts(oci::Store& store) : ForwardingStore(store) {}

  void fetch(const oci::Call& call, const oci::Descriptor& content, oci::Sink& into) override {
    ++whole;
    to().fetch(call, content, into);
  }
  bool fetch_part(const oci::Call& call, const oci::Descriptor& content, const oci::Part& part,
                  oci::Sink& into) override {
    if (!gives) return false;
    std::uint64_t size = part.size;
    bool breaks = false;
    {
      const std::lock_guard lock(mutex_);
      if (refuses_every != 0 && (asked.size() + 1) % refuses_every == 0) {
        asked.push_back(part);
        return false;
      }
      asked.push_back(part);
      if (breaks_after) {
        size = std::min(size, *breaks_after);
        *breaks_after -= size;
        breaks = size < part.size;
      }
    }
    for (oci::Bytes left = bytes(content).subspan(part.offset, size); !left.empty();) {
      const oci::Bytes bytes = left.first(std::min(piece, left.size()));
      call.check();
      into.write(bytes);
      left = left.subspan(bytes.size());
    }
    if (breaks) throw oci::Error(oci::ErrorKind::unavailable, "the connection was cut");
    return true;
  }

  std::uint64_t bytes_asked() {
    const std::lock_guard lock(mutex_);
    std::uint64_t sum = 0;
    for (const oci::Part& part : asked) sum += part.size;
    return sum;
  }

  static constexpr std::size_t piece = 64 * oci::KiB;  ///< the most that one write passes on
  bool gives = true;
  std::size_t refuses_every = 0;  ///< as one node of so many that knows no ranges; 0: none
  std::optional<std::uint64_t> breaks_after;
  std::vector<oci::Part> asked;
  std::atomic<int> whole = 0;

 private:
  oci::Bytes bytes(const oci::Descriptor& content) {
    const std::lock_guard lock(mutex_);
    std::string& text = texts_[content.digest];
    if (text.empty()) text = fetched(to(), content);
    return oci::bytes_of(text);
  }

  std::map<oci::Digest, std::string> texts_;
  std::mutex mutex_;
};

}  // namespace davit::tests
