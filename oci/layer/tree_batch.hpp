#pragma once

#include <cstddef>
#include <exception>
#include <string>
#include <vector>

#include "oci/base/bytes.hpp"
#include "oci/layer/tree_read.hpp"
#include "oci/layer/tree_walk.hpp"

namespace davit::oci {

/// A run of entries, made into tar by whichever thread has time for it.
class TreeBatch {
 public:
  static constexpr std::size_t item_limit = 32;

  /// Takes the next items; false if there are no more. Does not throw: a failure comes up where
  /// its place in the order is.
  bool fill(TreeWalk& walk);
  /// Makes entries of all items that need no more than themselves: neither large files nor what
  /// may be a hard link.
  void read(const TreeReader& reader);

  /// Calls `bytes` and `item` in the order of the items: with finished entries, and with what was
  /// left out. Throws the failure of `fill` or `read`.
  template <class OnBytes, class OnItem>
  void visit(const OnBytes& bytes, const OnItem& item) const {
    std::size_t done = 0;
    for (const Rest& rest : rest_) {
      bytes(bytes_of(bytes_).subspan(done, rest.position - done));
      done = rest.position;
      item(items_[rest.item]);
    }
    bytes(bytes_of(bytes_).subspan(done));
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  bool make(const TreeReader& reader, const TreeItem& item);

  struct Rest {
    std::size_t position;  // among bytes_
    std::size_t item;
  };
  std::vector<TreeItem> items_;
  std::vector<Rest> rest_;
  std::string bytes_;
  std::exception_ptr failure_;
};

}  // namespace davit::oci
