#include "oci/store/copy.hpp"

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
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

/// A blob that comes in parts, of which each is a task.
struct Assembling {
  Descriptor blob;
  std::unique_ptr<Assembly> assembly;
  std::uint64_t kept = 0;  ///< bytes that were there before
  std::atomic<std::uint64_t> there = 0;
  std::atomic<std::size_t> left = 0;  ///< parts
};

class Copy {
 public:
  Copy(Store& from, Store& to, const CopyOptions& options)
      : from_(from), to_(to), options_(options) {}

  CopyResult run(const Descriptor& root, Closure plan);
  CopyResult run_blobs(std::span<const Descriptor> blobs);

 private:
  void announce(const Closure& plan) const;
  void copy_blobs(std::vector<Descriptor> blobs);
  void run(TaskGroup& group, const Descriptor& blob, std::function<void()> step) const;
  void copy_blob(const Descriptor& blob, TaskGroup& group);
  void push(const Descriptor& blob, const std::stop_token& stop);
  bool assemble(const Descriptor& blob, TaskGroup& group);
  bool copy_part(Assembling& job, const Part& part, const std::stop_token& stop,
                 std::function<void()> begun = {}) const;
  void finish_part(Assembling& job, const std::stop_token& stop);
  void count(const Descriptor& blob, BlobState state, std::uint64_t kept = 0);
  void copy_document(const PlannedDocument& document);
  void place_root(const Descriptor& root, const Content& bytes);
  void report(const Descriptor& descriptor, BlobState state, std::uint64_t bytes = 0,
              std::uint64_t kept = 0) const;
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

CopyResult Copy::run(const Descriptor& root, Closure plan) {
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
    run(group, blob, [this, &blob, &group] { copy_blob(blob, group); });
  }
  group.wait();
}

/// A step of what becomes of a blob, as a task.
void Copy::run(TaskGroup& group, const Descriptor& blob, std::function<void()> step) const {
  group.run([this, blob, step = std::move(step)] {
    try {
      step();
    } catch (...) {
      report(blob, BlobState::failed);
      throw;
    }
  });
}

void Copy::copy_blob(const Descriptor& blob, TaskGroup& group) {
  check_stop(group.stop_token());
  report(blob, BlobState::checking);
  if (to_.has(blob)) return count(blob, BlobState::exists);
  if (to_.mount(blob, from_)) return count(blob, BlobState::mounted);
  report(blob, BlobState::copying);
  if (!assemble(blob, group)) push(blob, group.stop_token());
}

void Copy::push(const Descriptor& blob, const std::stop_token& stop) {
  to_.push(blob, [&](Sink& sink) {
    ProgressSink counted(sink, options_.progress, event(blob, BlobState::copying));
    Stoppable stoppable(counted, stop);
    from_.fetch(blob, stoppable);
  });
  count(blob, BlobState::done);
}

/// Brings a blob in parts, if there are to be any. The first bytes of the first one show whether
/// the source gives them; if not, false.
bool Copy::assemble(const Descriptor& blob, TaskGroup& group) {
  const auto job = std::make_shared<Assembling>();
  job->blob = blob;
  job->assembly = to_.assemble(blob);
  if (job->assembly == nullptr) return false;
  const std::vector<Part>& missing = job->assembly->missing();
  job->kept = blob.size;
  for (const Part& part : missing) job->kept -= part.size;
  job->there = job->kept;
  job->left = std::max<std::size_t>(missing.size(), 1);
  const auto begin_others = [&] {
    for (std::size_t i = 1; i < missing.size(); ++i) {
      run(group, blob, [this, job, &part = missing[i], &group] {
        if (!copy_part(*job, part, group.stop_token())) {
          throw Error(ErrorKind::unavailable, from_.name() + " gives no parts of blobs any more");
        }
        finish_part(*job, group.stop_token());
      });
    }
  };
  if (!missing.empty() && !copy_part(*job, missing[0], group.stop_token(), begin_others)) {
    return false;
  }
  finish_part(*job, group.stop_token());
  return true;
}

/// `begun` is called at the first bytes.
bool Copy::copy_part(Assembling& job, const Part& part, const std::stop_token& stop,
                     std::function<void()> begun) const {
  check_stop(stop);
  bool given = true;
  job.assembly->write(part, [&](Sink& sink) {
    FunctionSink counted([&](Bytes bytes) {
      check_stop(stop);
      if (begun) std::exchange(begun, nullptr)();
      sink.write(bytes);
      report(job.blob, BlobState::copying, job.there += bytes.size(), job.kept);
    });
    given = from_.fetch_part(job.blob, part, counted);
  });
  return given;
}

/// After the last part the blob is complete, or what was there before was not what it should be.
void Copy::finish_part(Assembling& job, const std::stop_token& stop) {
  if (--job.left > 0) return;
  const bool good = job.assembly->finish();
  job.assembly.reset();
  if (good && job.kept == job.blob.size) {
    count(job.blob, BlobState::exists);
  } else if (good) {
    count(job.blob, BlobState::done, job.kept);
  } else {
    push(job.blob, stop);
  }
}

void Copy::count(const Descriptor& blob, BlobState state, std::uint64_t kept) {
  {
    const std::lock_guard lock(mutex_);
    if (state == BlobState::exists) ++result_.blobs_present;
    if (state == BlobState::mounted) ++result_.blobs_mounted;
    if (state == BlobState::done) {
      ++result_.blobs_sent;
      result_.bytes_sent += blob.size - kept;
    }
  }
  report(blob, state, state == BlobState::done ? blob.size : 0, kept);
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

void Copy::report(const Descriptor& descriptor, BlobState state, std::uint64_t bytes,
                  std::uint64_t kept) const {
  if (options_.progress == nullptr) return;
  BlobEvent what = event(descriptor, state);
  what.bytes = bytes;
  what.kept = kept;
  options_.progress->update(what);
}

}  // namespace

Closure plan_copy(Store& from, Store& to, const Descriptor& root, const CopyOptions& options) {
  return closure(from, root,
                 {.foreign_layers = options.foreign_layers,
                  .leave_out = [&to](const Descriptor& one) { return to.has(one); },
                  .jobs = options.jobs,
                  .stop = options.stop});
}

CopyResult copy(Store& from, Store& to, const Descriptor& root, Closure plan,
                const CopyOptions& options) {
  return Copy(from, to, options).run(root, std::move(plan));
}

CopyResult copy(Store& from, Store& to, const Descriptor& root, const CopyOptions& options) {
  return copy(from, to, root, plan_copy(from, to, root, options), options);
}

CopyResult copy_blobs(Store& from, Store& to, std::span<const Descriptor> blobs,
                      const CopyOptions& options) {
  return Copy(from, to, options).run_blobs(blobs);
}

}  // namespace davit::oci
