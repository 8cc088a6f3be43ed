#include "oci/store/closure.hpp"

#include <fmt/format.h>

#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "oci/base/limits.hpp"
#include "oci/base/tasks.hpp"
#include "oci/model/manifest.hpp"

namespace davit::oci {
namespace {

/// A document that was read, or left out.
struct Node {
  Descriptor descriptor;
  std::string parent;  ///< for messages; empty for the root
  bool left_out = false;
  std::string bytes = {};
  std::vector<Descriptor> children = {};
  bool placed = false;
};

enum class Parent { index, manifest };

/// A registry keeps what an index lists under /manifests/, except in build caches, which list
/// layers and configs. Larger than any document, it is none.
bool is_child_document(const Descriptor& child, Parent parent) {
  if (is_document(child.media_type)) return true;
  return parent == Parent::index && child.size <= document_limit &&
         kind_of(child.media_type) == "blob";
}

class Walk {
 public:
  Walk(Store& store, const ClosureOptions& options) : store_(store), options_(options) {}

  Closure run(const Call& call, const Descriptor& root) {
    read_all(call, root);
    place(root, 1);
    return std::move(result_);
  }

 private:
  void read_all(const Call& call, const Descriptor& root);
  void read(const Call& call, Node& node);
  Node* discover(const Descriptor& descriptor, const std::string& parent);
  void place(const Descriptor& descriptor, std::size_t depth);
  void place_blob(const Descriptor& blob);
  void check_size(const Descriptor& descriptor);
  std::string name_of(const Descriptor& descriptor) const {
    return fmt::format("{}@{}", store_.name(), descriptor.digest.str());
  }
  Error too_much(std::string_view what) const {
    return Error(ErrorKind::corrupt, fmt::format("{}: {}", store_.name(), what));
  }

  Store& store_;
  const ClosureOptions& options_;
  std::map<Digest, Node> nodes_;  // A map, because its elements stay where they are.
  std::map<Digest, std::uint64_t> sizes_;
  std::set<Digest> blobs_;
  std::mutex mutex_;
  std::uint64_t total_ = 0;
  Closure result_;
};

/// Level by level, so that what one index lists is read at the same time.
void Walk::read_all(const Call& call, const Descriptor& root) {
  std::vector<Node*> level = {discover(root, {})};
  for (std::size_t depth = 1; !level.empty(); ++depth) {
    if (depth > index_depth_limit) {
      throw too_much(fmt::format("documents are nested deeper than {}", index_depth_limit));
    }
    TaskGroup group(options_.jobs, call);
    for (Node* node : level) group.run([this, node, &group] { read(group.call(), *node); });
    group.wait();
    std::vector<Node*> next;
    for (const Node* node : level) {
      const auto parent = is_index(node->descriptor.media_type) ? Parent::index : Parent::manifest;
      for (const Descriptor& child : node->children) {
        if (!is_child_document(child, parent)) continue;
        if (Node* found = discover(child, node->descriptor.digest.str())) next.push_back(found);
      }
    }
    level = std::move(next);
  }
}

/// A node to read; null if there is one already.
Node* Walk::discover(const Descriptor& descriptor, const std::string& parent) {
  check_size(descriptor);
  const auto [found, is_new] =
      nodes_.try_emplace(descriptor.digest, Node{.descriptor = descriptor, .parent = parent});
  if (nodes_.size() > closure_document_limit) throw too_much("too many documents");
  return is_new ? &found->second : nullptr;
}

void Walk::read(const Call& call, Node& node) {
  const Descriptor& descriptor = node.descriptor;
  if (options_.leave_out && options_.leave_out(call, descriptor)) {
    node.left_out = true;
    return;
  }
  try {
    node.bytes = fetch_document(call, store_, descriptor);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::not_found || node.parent.empty()) throw;
    throw Error(ErrorKind::not_found,
                fmt::format("{}, which {} lists, is missing", name_of(descriptor), node.parent));
  }
  {
    const std::lock_guard lock(mutex_);
    total_ += node.bytes.size();
    if (total_ > closure_document_size_limit) {
      throw too_much(
          fmt::format("its documents are larger than {} bytes", closure_document_size_limit));
    }
  }
  if (node.parent.empty() || is_document(descriptor.media_type)) {
    const Document document =
        parse_document(descriptor.media_type, node.bytes, name_of(descriptor));
    node.children = children(document);
    if (descriptor.media_type.empty()) {
      node.descriptor.media_type =
          std::visit([](const auto& view) { return view.media_type; }, document);
    }
  }
}

void Walk::place(const Descriptor& descriptor, std::size_t depth) {
  Node& node = nodes_.at(descriptor.digest);
  if (std::exchange(node.placed, true)) return;
  if (depth > index_depth_limit) {
    throw too_much(fmt::format("documents are nested deeper than {}", index_depth_limit));
  }
  if (node.left_out) {
    result_.left_out.push_back(node.descriptor);
    return;
  }
  const auto parent = is_index(node.descriptor.media_type) ? Parent::index : Parent::manifest;
  for (const Descriptor& child : node.children) {
    if (is_child_document(child, parent)) {
      place(child, depth + 1);
    } else {
      place_blob(child);
    }
  }
  result_.documents.push_back({.descriptor = node.descriptor, .bytes = std::move(node.bytes)});
}

void Walk::place_blob(const Descriptor& blob) {
  check_size(blob);
  if (!blobs_.insert(blob.digest).second) return;
  if (blobs_.size() > closure_blob_limit) throw too_much("too many blobs");
  const bool skipped =
      options_.foreign_layers == ForeignLayers::skip && is_nondistributable(blob.media_type);
  (skipped ? result_.foreign : result_.blobs).push_back(blob);
}

/// Of two sizes for one digest at least one is a lie, and which one is only seen in the middle of
/// a transfer.
void Walk::check_size(const Descriptor& descriptor) {
  const auto [found, is_new] = sizes_.try_emplace(descriptor.digest, descriptor.size);
  if (found->second != descriptor.size) {
    throw too_much(fmt::format("{} is said to have {} bytes and {} bytes", descriptor.digest.str(),
                               found->second, descriptor.size));
  }
}

}  // namespace

Closure closure(const Call& call, Store& store, const Descriptor& root,
                const ClosureOptions& options) {
  return Walk(store, options).run(call, root);
}

}  // namespace davit::oci
