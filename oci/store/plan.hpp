#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "oci/store/copy.hpp"
#include "oci/store/store.hpp"

namespace davit::oci {

/// What refers to a document, what refers to that, and so on, to a depth of eight: signatures and
/// SBOMs, and the signatures of these. What is referred to stands before what refers to it.
std::vector<Descriptor> all_referrers(const Call& call, Store& store, const Digest& subject);

/// Copies of many images to one store, all known before the first of them begins: so a store that
/// lays content out in a row keeps a place for every blob, and whatever is missing anywhere is
/// found before anything is sent.
class Plan {
 public:
  /// `to` outlives it. The tags of `options` are not used: each root brings its own.
  Plan(Store& to, CopyOptions options) : to_(to), options_(std::move(options)) {}

  /// Reads the documents that a root leads to and `to` does not have. `from` outlives the plan.
  /// Error(refused) where all roots together have more than 256 MiB of documents, which are kept
  /// in memory until they are copied.
  void add(const Call& call, Store& from, const Descriptor& root, std::vector<std::string> tags);

  /// Copies them in the order in which they were added.
  void run(const Call& call);

 private:
  struct Step {
    Store& from;
    Descriptor root;
    Closure closure;
    std::vector<std::string> tags;
  };

  Store& to_;
  CopyOptions options_;
  std::vector<Step> steps_;
  std::uint64_t document_bytes_ = 0;
};

}  // namespace davit::oci
