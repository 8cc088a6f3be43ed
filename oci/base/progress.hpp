#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "oci/base/stream.hpp"

namespace davit::oci {

enum class BlobState {
  waiting,   ///< planned
  checking,  ///< asking the destination whether it has it
  building,  ///< made and sent at the same time; its digest is not known yet
  copying,   ///< on its way
  done,      ///< sent
  exists,    ///< was there already
  mounted,   ///< taken over from another repository of the same registry
  skipped,   ///< left out on purpose: a non-distributable layer
  failed,
};

/// What happened to one blob or document. `id` stays the same from its first event to its last.
struct BlobEvent {
  std::string id;    ///< digest, or "layer 2" while that is unknown
  std::string kind;  ///< "layer", "config", "manifest", "index", "blob"
  BlobState state = BlobState::waiting;
  std::uint64_t bytes = 0;             ///< there so far
  std::uint64_t kept = 0;              ///< of these, what an earlier run had brought
  std::optional<std::uint64_t> total;  ///< absent while unknown
};

/// Whoever watches. Called from many threads, often: at every piece of a blob.
struct Progress {
  virtual ~Progress() = default;
  virtual void update(const BlobEvent& event) = 0;
};

/// Passes bytes on, reports them to who watches the call, and ends with it. Counts from zero again
/// for every object, as a retry does.
class ProgressSink final : public Sink {
 public:
  ProgressSink(Sink& to, const Call& call, BlobEvent event)
      : to_(to), call_(call), event_(std::move(event)) {}
  void write(Bytes bytes) override;

 private:
  Sink& to_;
  const Call call_;
  BlobEvent event_;
};

}  // namespace davit::oci
