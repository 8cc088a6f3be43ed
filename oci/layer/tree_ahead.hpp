#pragma once

#include <cstddef>
#include <stop_token>
#include <vector>

#include "oci/base/monitor.hpp"
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
  const TreeBatch* next(const std::stop_token& stop = {});

 private:
  struct Slot {
    TreeBatch batch;
    bool ready = false;
  };
  struct State {
    explicit State(std::size_t count) : slots(count) {}
    Slot& slot(std::size_t number) { return slots[number % slots.size()]; }

    std::vector<Slot> slots;
    std::size_t begun = 0;  // batches
    std::size_t freed = 0;
    bool lent = false;  // the batch after the freed ones is in use by the caller
    bool walking = false;
    bool walked = false;  // no batch will be begun any more
  };

  void work();

  TreeWalk& walk_;  // by one thread at a time: the one that set `walking`
  const TreeReader& reader_;
  Monitor<State> state_;
  std::stop_source end_;  // of the threads
  Threads threads_;
};

}  // namespace davit::oci
