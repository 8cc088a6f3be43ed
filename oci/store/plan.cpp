#include "oci/store/plan.hpp"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"

namespace davit::oci {
namespace {

/// How far a chain of signatures of signatures is followed.
constexpr int deepest_referrer = 8;

constexpr std::uint64_t document_bytes_limit = 256 * MiB;

}  // namespace

std::vector<Descriptor> all_referrers(const Call& call, Store& store, const Digest& subject) {
  std::vector<Descriptor> all;
  std::set<Digest> seen = {subject};
  std::vector<Digest> subjects = {subject};
  for (int depth = 0; depth < deepest_referrer && !subjects.empty(); ++depth) {
    std::vector<Digest> next;
    for (const Digest& one : subjects) {
      for (const Descriptor& referrer : store.referrers(call, one)) {
        if (!seen.insert(referrer.digest).second) continue;
        all.push_back(referrer);
        next.push_back(referrer.digest);
      }
    }
    subjects = std::move(next);
  }
  return all;
}

void Plan::add(const Call& call, Store& from, const Descriptor& root,
               std::vector<std::string> tags) {
  Closure closure = plan_copy(call, from, to_, root, options_);
  for (const PlannedDocument& document : closure.documents) {
    document_bytes_ += document.bytes.size();
  }
  if (document_bytes_ > document_bytes_limit) {
    throw Error(ErrorKind::refused,
                fmt::format("the images have more than {} of manifests and indexes",
                            human_size(document_bytes_limit)),
                "take fewer of them at a time");
  }
  steps_.push_back({from, root, std::move(closure), std::move(tags)});
}

void Plan::run(const Call& call) {
  std::vector<Descriptor> blobs;
  for (const Step& step : steps_) {
    blobs.insert(blobs.end(), step.closure.blobs.begin(), step.closure.blobs.end());
  }
  to_.expect(call, blobs);
  for (Step& step : steps_) {
    options_.tags = step.tags;
    copy(call, step.from, to_, step.root, std::move(step.closure), options_);
  }
}

}  // namespace davit::oci
