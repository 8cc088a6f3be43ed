#include "oci/store/copy.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

#include "oci/base/tasks.hpp"

namespace davit::oci {
namespace {

/// Lets a stop take effect in the middle of a blob.
class Stoppable final : public Sink {
 public:
  Stoppable(Sink& to, std::stop_token stop) : to_(to), stop_(std::move(stop)) {}
  void write(Bytes bytes) override {
    check_stop(stop_);
    to_.write(bytes);
  }

 private:
  Sink& to_;
  std::stop_token stop_;
};

class Copy {
 public:
  Copy(Store& from, Store& to, const CopyOptions& options)
      : from_(from), to_(to), options_(options) {}

  CopyResult run(const Descriptor& root);
  CopyResult run_blobs(std::span<const Descriptor> blobs);

 private:
  void announce(const Closure& plan) const;
  void copy_blobs(std::vector<Descriptor> blobs);
  BlobState copy_blob(const Descriptor& blob, const std::stop_token& stop) const;
  void count(const Descriptor& blob, BlobState state);
  void copy_document(const PlannedDocument& document);
  void place_root(const Descriptor& root, const Content& bytes);
  void report(const Descriptor& descriptor, BlobState state, std::uint64_t bytes = 0) const;
  BlobEvent event(const Descriptor& descriptor, BlobState state) const {
    return {.id = descriptor.digest.str(),
            .kind = std::string(kind_of(descriptor.media_type)),
            .state = state,
            .total = descriptor.size};
  }

  Store& from_;
  Store& to_;
  const CopyOptions& options_;
  std::mutex mutex_;
  CopyResult result_;
};

CopyResult Copy::run(const Descriptor& root) {
  Closure plan = closure(from_, root,
                         {.foreign_layers = options_.foreign_layers,
                          .leave_out = [this](const Descriptor& d) { return to_.has(d); },
                          .jobs = options_.jobs,
                          .stop = options_.stop});
  announce(plan);
  result_.documents_present = plan.left_out.size();
  result_.blobs_skipped = plan.foreign.size();
  if (plan.documents.empty()) {
    place_root(root, content_of(fetch_document(from_, root)));
    return result_;
  }
  to_.expect(plan.blobs);
  copy_blobs(std::move(plan.blobs));
  for (const PlannedDocument& document : plan.documents) {
    check_stop(options_.stop);
    if (&document != &plan.documents.back()) copy_document(document);
  }
  const PlannedDocument& last = plan.documents.back();
  report(last.descriptor, BlobState::copying);
  place_root(last.descriptor, content_of(last.bytes));
  ++result_.documents_sent;
  result_.bytes_sent += last.bytes.size();
  report(last.descriptor, BlobState::done, last.bytes.size());
  return result_;
}

CopyResult Copy::run_blobs(std::span<const Descriptor> blobs) {
  std::vector<Descriptor> wanted;
  for (const Descriptor& blob : blobs) {
    const bool skip =
        is_nondistributable(blob.media_type) && options_.foreign_layers == ForeignLayers::skip;
    const auto same = [&](const Descriptor& other) { return other.digest == blob.digest; };
    if (skip) {
      ++result_.blobs_skipped;
    } else if (std::none_of(wanted.begin(), wanted.end(), same)) {
      wanted.push_back(blob);
    }
    report(blob, skip ? BlobState::skipped : BlobState::waiting);
  }
  to_.expect(wanted);
  copy_blobs(std::move(wanted));
  return result_;
}

/// Everything that is going to happen, so that whoever watches knows the total from the start.
void Copy::announce(const Closure& plan) const {
  for (const Descriptor& blob : plan.blobs) report(blob, BlobState::waiting);
  for (const PlannedDocument& document : plan.documents) {
    report(document.descriptor, BlobState::waiting);
  }
  for (const Descriptor& layer : plan.foreign) report(layer, BlobState::skipped);
  for (const Descriptor& document : plan.left_out) report(document, BlobState::exists);
}

void Copy::copy_blobs(std::vector<Descriptor> blobs) {
  // The largest first, so that it does not travel alone at the end.
  std::stable_sort(blobs.begin(), blobs.end(),
                   [](const Descriptor& a, const Descriptor& b) { return a.size > b.size; });
  TaskGroup group(options_.jobs, options_.stop);
  for (const Descriptor& blob : blobs) {
    group.run([this, &blob, &group] {
      try {
        count(blob, copy_blob(blob, group.stop_token()));
      } catch (...) {
        report(blob, BlobState::failed);
        throw;
      }
    });
  }
  group.wait();
}

/// Brings one blob over, and says how it came there.
BlobState Copy::copy_blob(const Descriptor& blob, const std::stop_token& stop) const {
  check_stop(stop);
  report(blob, BlobState::checking);
  if (to_.has(blob)) return BlobState::exists;
  if (to_.mount(blob, from_)) return BlobState::mounted;
  report(blob, BlobState::copying);
  to_.push(blob, [&](Sink& sink) {
    ProgressSink counted(sink, options_.progress, event(blob, BlobState::copying));
    Stoppable stoppable(counted, stop);
    from_.fetch(blob, stoppable);
  });
  return BlobState::done;
}

void Copy::count(const Descriptor& blob, BlobState state) {
  {
    const std::lock_guard lock(mutex_);
    if (state == BlobState::exists) ++result_.blobs_present;
    if (state == BlobState::mounted) ++result_.blobs_mounted;
    if (state == BlobState::done) {
      ++result_.blobs_sent;
      result_.bytes_sent += blob.size;
    }
  }
  report(blob, state, state == BlobState::done ? blob.size : 0);
}

void Copy::copy_document(const PlannedDocument& document) {
  report(document.descriptor, BlobState::copying);
  to_.push(document.descriptor, content_of(document.bytes));
  ++result_.documents_sent;
  result_.bytes_sent += document.bytes.size();
  report(document.descriptor, BlobState::done, document.bytes.size());
}

void Copy::place_root(const Descriptor& root, const Content& bytes) {
  check_stop(options_.stop);
  if (options_.tags.empty()) to_.push(root, bytes);
  for (const std::string& tag : options_.tags) to_.tag(root, bytes, tag);
}

void Copy::report(const Descriptor& descriptor, BlobState state, std::uint64_t bytes) const {
  if (options_.progress == nullptr) return;
  BlobEvent what = event(descriptor, state);
  what.bytes = bytes;
  options_.progress->update(what);
}

}  // namespace

CopyResult copy(Store& from, Store& to, const Descriptor& root, const CopyOptions& options) {
  return Copy(from, to, options).run(root);
}

CopyResult copy_blobs(Store& from, Store& to, std::span<const Descriptor> blobs,
                      const CopyOptions& options) {
  return Copy(from, to, options).run_blobs(blobs);
}

}  // namespace davit::oci
