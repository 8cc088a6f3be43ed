#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <vector>

#include "oci/base/threads.hpp"
#include "oci/layer/tree_batch.hpp"
#include "oci/layer/tree_read.hpp"
#include "oci/layer/tree_walk.hpp"

namespace davit::oci {

/// Walks and reads a tree on threads of its own, a bounded number of batches ahead of whoever
/// takes them, in order. The threads end with this object.
class TreeAhead {
 public:
  /// With 0 threads, or where the system starts none, it does the work itself when it is asked.
  TreeAhead(TreeWalk& walk, const TreeReader& reader, std::size_t threads);
  ~TreeAhead();
  TreeAhead(const TreeAhead&) = delete;
  TreeAhead& operator=(const TreeAhead&) = delete;

  /// The next batch, valid until the next call; null after the last.
  const TreeBatch* next();

 private:
  struct Slot {
    TreeBatch batch;
    bool ready = false;
  };

  void work();
  Slot& slot(std::size_t number) { return slots_[number % slots_.size()]; }

  TreeWalk& walk_;  // by one thread at a time: the one that set walking_
  const TreeReader& reader_;

  std::mutex mutex_;
  std::condition_variable room_;   // for threads: a batch can be begun, or none any more
  std::condition_variable ready_;  // for the caller: the batch it waits for
  std::vector<Slot> slots_;
  std::size_t begun_ = 0;  // batches
  std::size_t freed_ = 0;
  bool lent_ = false;  // the batch after the freed ones is in use by the caller
  bool walking_ = false;
  bool walked_ = false;  // no batch will be begun any more
  Threads threads_;
};

}  // namespace davit::oci
