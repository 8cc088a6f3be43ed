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

/// A blob that comes in parts, of which each is a task.
struct Assembling {
  Descriptor blob;
  std::unique_ptr<Assembly> assembly;
  std::uint64_t kept = 0;  ///< bytes that were there before
  std::atomic<std::uint64_t> there = 0;
  std::atomic<std::size_t> left = 0;   ///< parts
  std::atomic<bool> given_up = false;  ///< the source gives no parts any more: it comes whole
};

class Copy {
 public:
  Copy(const Call& call, Store& from, Store& to, const CopyOptions& options)
      : call_(call), from_(from), to_(to), options_(options), mount_source_(from.mount_source()) {}

  CopyResult run(const Descriptor& root, Closure plan);
  CopyResult run_blobs(std::span<const Descriptor> blobs);

 private:
  void announce(const Closure& plan) const;
  void copy_blobs(std::vector<Descriptor> blobs);
  void run(TaskGroup& group, const Descriptor& blob, std::function<void()> step) const;
  void copy_blob(const Descriptor& blob, TaskGroup& group);
  void push(const Call& call, const Descriptor& blob);
  bool assemble(const Descriptor& blob, TaskGroup& group);
  bool copy_part(const Call& call, Assembling& job, const Part& part,
                 std::function<void()> begun = {}) const;
  void finish_part(const Call& call, Assembling& job);
  void count(const Descriptor& blob, BlobState state, std::uint64_t kept = 0);
  void copy_document(const PlannedDocument& document);
  bool is_present(const PlannedDocument& document) const;
  void count(const PlannedDocument& document, BlobState state);
  void place_root(const Descriptor& root, const Content& bytes);
  void report(const Descriptor& descriptor, BlobState state, std::uint64_t bytes = 0,
              std::uint64_t kept = 0) const;
  BlobEvent event(const Descriptor& descriptor, BlobState state) const {
    return {.id = descriptor.digest.str(),
            .kind = std::string(kind_of(descriptor.media_type)),
            .state = state,
            .total = descriptor.size};
  }

  const Call& call_;
  Store& from_;
  Store& to_;
  const CopyOptions& options_;
  const std::optional<MountSource> mount_source_;
  std::mutex mutex_;
  CopyResult result_;
};

CopyResult Copy::run(const Descriptor& root, Closure plan) {
  announce(plan);
  result_.documents_present = plan.left_out.size();
  result_.blobs_skipped = plan.foreign.size();
  if (plan.documents.empty()) {
    place_root(root, content_of(fetch_document(call_, from_, root)));
    return result_;
  }
  to_.expect(call_, plan.blobs);
  copy_blobs(std::move(plan.blobs));
  for (const PlannedDocument& document : plan.documents) {
    call_.check();
    if (&document != &plan.documents.back()) copy_document(document);
  }
  const PlannedDocument& last = plan.documents.back();
  const bool present = is_present(last);
  report(last.descriptor, BlobState::copying);
  place_root(last.descriptor, content_of(last.bytes));
  count(last, present ? BlobState::exists : BlobState::done);
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
  to_.expect(call_, wanted);
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
  TaskGroup group(options_.jobs, call_);
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
  const Call call = group.call();
  call.check();
  if (options_.present == Present::trusted) {
    report(blob, BlobState::checking);
    if (to_.has(call, blob)) return count(blob, BlobState::exists);
    if (mount_source_ && to_.mount(call, blob, *mount_source_)) {
      return count(blob, BlobState::mounted);
    }
  }
  report(blob, BlobState::copying);
  if (!assemble(blob, group)) push(call, blob);
}

void Copy::push(const Call& call, const Descriptor& blob) {
  to_.push(call, blob, [&](const Call& inner, Sink& sink) {
    ProgressSink counted(sink, inner, event(blob, BlobState::copying));
    from_.fetch(inner, blob, counted);
  });
  count(blob, BlobState::done);
}

/// Brings a blob in parts, if there are to be any. The first bytes of the first one show whether
/// the source gives them; if not, false.
bool Copy::assemble(const Descriptor& blob, TaskGroup& group) {
  const auto job = std::make_shared<Assembling>();
  job->blob = blob;
  job->assembly = to_.assemble(group.call(), blob);
  if (job->assembly == nullptr) return false;
  const std::vector<Part>& missing = job->assembly->missing();
  job->kept = blob.size;
  for (const Part& part : missing) job->kept -= part.size;
  job->there = job->kept;
  job->left = std::max<std::size_t>(missing.size(), 1);
  const auto begin_others = [&] {
    for (std::size_t i = 1; i < missing.size(); ++i) {
      run(group, blob, [this, job, &part = missing[i], &group] {
        if (!job->given_up && !copy_part(group.call(), *job, part)) job->given_up = true;
        finish_part(group.call(), *job);
      });
    }
  };
  if (!missing.empty() && !copy_part(group.call(), *job, missing[0], begin_others)) {
    return false;
  }
  finish_part(group.call(), *job);
  return true;
}

/// `begun` is called at the first bytes.
bool Copy::copy_part(const Call& call, Assembling& job, const Part& part,
                     std::function<void()> begun) const {
  call.check();
  bool given = true;
  job.assembly->write(call, part, [&](const Call& inner, Sink& sink) {
    FunctionSink counted([&](Bytes bytes) {
      if (begun) std::exchange(begun, nullptr)();
      sink.write(bytes);
      report(job.blob, BlobState::copying, job.there += bytes.size(), job.kept);
    });
    given = from_.fetch_part(inner, job.blob, part, counted);
  });
  return given;
}

/// After the last part the blob is complete; or what was there before was not what it should be, or
/// the source stopped giving parts (one node of several may know no ranges), and it comes whole.
void Copy::finish_part(const Call& call, Assembling& job) {
  if (--job.left > 0) return;
  if (job.given_up) job.assembly->forget();
  const bool good = !job.given_up && job.assembly->finish(call);
  job.assembly.reset();
  if (good && job.kept == job.blob.size) {
    count(job.blob, BlobState::exists);
  } else if (good) {
    count(job.blob, BlobState::done, job.kept);
  } else {
    push(call, job.blob);
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
  if (is_present(document)) return count(document, BlobState::exists);
  report(document.descriptor, BlobState::copying);
  to_.push(call_, document.descriptor, content_of(document.bytes));
  count(document, BlobState::done);
}

/// Of a store that keeps references, the plan has left out what is there.
bool Copy::is_present(const PlannedDocument& document) const {
  return options_.present == Present::trusted && !to_.keeps_references() &&
         to_.has(call_, document.descriptor);
}

void Copy::count(const PlannedDocument& document, BlobState state) {
  if (state == BlobState::exists) {
    ++result_.documents_present;
  } else {
    ++result_.documents_sent;
    result_.bytes_sent += document.bytes.size();
  }
  report(document.descriptor, state, state == BlobState::done ? document.bytes.size() : 0);
}

void Copy::place_root(const Descriptor& root, const Content& bytes) {
  call_.check();
  if (options_.tags.empty()) to_.push(call_, root, bytes);
  for (const std::string& tag : options_.tags) to_.tag(call_, root, bytes, tag);
}

void Copy::report(const Descriptor& descriptor, BlobState state, std::uint64_t bytes,
                  std::uint64_t kept) const {
  if (call_.progress == nullptr) return;
  BlobEvent what = event(descriptor, state);
  what.bytes = bytes;
  what.kept = kept;
  call_.progress->update(what);
}

}  // namespace

Closure plan_copy(const Call& call, Store& from, Store& to, const Descriptor& root,
                  const CopyOptions& options) {
  ClosureOptions walk{.foreign_layers = options.foreign_layers, .jobs = options.jobs};
  if (options.present == Present::trusted && to.keeps_references()) {
    walk.leave_out = [&to](const Call& inner, const Descriptor& one) { return to.has(inner, one); };
  }
  return closure(call, from, root, walk);
}

CopyResult copy(const Call& call, Store& from, Store& to, const Descriptor& root, Closure plan,
                const CopyOptions& options) {
  return Copy(call, from, to, options).run(root, std::move(plan));
}

CopyResult copy(const Call& call, Store& from, Store& to, const Descriptor& root,
                const CopyOptions& options) {
  return copy(call, from, to, root, plan_copy(call, from, to, root, options), options);
}

CopyResult copy_blobs(const Call& call, Store& from, Store& to, std::span<const Descriptor> blobs,
                      const CopyOptions& options) {
  return Copy(call, from, to, options).run_blobs(blobs);
}

}  // namespace davit::oci
