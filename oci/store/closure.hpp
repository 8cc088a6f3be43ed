#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "oci/store/store.hpp"

namespace davit::oci {

/// What becomes of layers that stay where their `urls` say (deprecated, still met).
enum class ForeignLayers { skip, include };

struct ClosureOptions {
  ForeignLayers foreign_layers = ForeignLayers::skip;
  /// Documents for which this is true are left out, with all that only they refer to. Called from
  /// several threads at once.
  std::function<bool(const Call&, const Descriptor&)> leave_out = {};
  std::size_t jobs = 8;  ///< documents read at the same time
};

struct PlannedDocument {
  Descriptor descriptor;
  std::string bytes;
};

/// All that a document refers to, and itself. Every digest stands in a list once.
struct Closure {
  std::vector<PlannedDocument> documents;  ///< children first, so the root is last
  std::vector<Descriptor> blobs;           ///< in the documents' order
  std::vector<Descriptor> left_out;        ///< documents that `leave_out` named
  std::vector<Descriptor> foreign;         ///< layers that were skipped
};

/// Reads what `root` leads to: indexes, nested ones too, manifests, and the blobs these name,
/// which are not read. What an index lists under an unknown type is taken as a document that
/// refers to nothing if it could be one by its size, and as a blob otherwise; so are layers and
/// configs there, as in build caches.
///
/// Bounded against hostile input, Error(corrupt): 8 documents deep, 10,000 documents of together
/// 64 MiB, 100,000 blobs, and no two sizes for one digest. A child that the store lacks is
/// Error(not_found) naming it and its parent.
Closure closure(const Call& call, Store& store, const Descriptor& root,
                const ClosureOptions& options = {});

}  // namespace davit::oci
