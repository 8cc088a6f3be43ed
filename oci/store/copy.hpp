#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "oci/base/progress.hpp"
#include "oci/store/closure.hpp"
#include "oci/store/store.hpp"

namespace davit::oci {

/// Whether what the destination says that it has is taken for granted.
enum class Present { trusted, sent_again };

struct CopyOptions {
  std::vector<std::string> tags = {};  ///< with none, the root can be found by its digest only
  std::size_t jobs = 8;                ///< blobs on their way at the same time
  ForeignLayers foreign_layers = ForeignLayers::skip;
  Present present = Present::trusted;
};

/// What moved. A document counts as sent once, with however many tags.
struct CopyResult {
  std::uint64_t bytes_sent = 0;
  std::size_t blobs_sent = 0;
  std::size_t blobs_present = 0;
  std::size_t blobs_mounted = 0;
  std::size_t blobs_skipped = 0;  ///< layers that stay where their urls say
  std::size_t documents_sent = 0;
  std::size_t documents_present = 0;
};

/// Copies a document and all it refers to, byte for byte: first the blobs at the same time, the
/// largest first, then the documents, children first, and the root last under its tags. So the
/// destination is valid at every moment, a tag moves only when all is there, and doing it again
/// after a failure sends what is missing.
///
/// Blobs the destination has are not sent, others are mounted if it can. What a document refers to
/// is there with it in a store that keeps references, so it is neither read nor walked there; if
/// such a store has the root, only tags move. Other stores are asked for all of it, and so are
/// mended where something has gone. The first failure stops the rest at once. `to.commit()` is the
/// caller's: more may go there.
CopyResult copy(const Call& call, Store& from, Store& to, const Descriptor& root,
                const CopyOptions& options = {});

/// What it is going to do, as far as that can be known before.
Closure plan_copy(const Call& call, Store& from, Store& to, const Descriptor& root,
                  const CopyOptions& options = {});
/// The copy that was planned so.
CopyResult copy(const Call& call, Store& from, Store& to, const Descriptor& root, Closure plan,
                const CopyOptions& options);

/// The first half of it: blobs alone, each digest once. What refers to them comes later.
CopyResult copy_blobs(const Call& call, Store& from, Store& to, std::span<const Descriptor> blobs,
                      const CopyOptions& options = {});

}  // namespace davit::oci
