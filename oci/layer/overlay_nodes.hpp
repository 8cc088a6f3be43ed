#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>
#include <vector>

#include "oci/layer/tar_header.hpp"

namespace davit::oci {

/// A name in a directory, by its number; numbers rise in the order in which names are made, and
/// none is used twice.
using Node = std::uint32_t;
inline constexpr Node no_node = ~Node{0};
inline constexpr Node root_node = 0;

/// What stands under a name. A million of them are to be held, so they are small.
struct OverlayNode {
  EntryType type = EntryType::directory;  ///< a hard link has the type of what it links to
  bool is_there = true;    ///< false once another entry has taken its place or it was removed
  bool is_implied = true;  ///< no entry is of it; it is a directory on the way to others
  std::uint16_t mode = 0755;

  std::uint16_t touched = 0;      ///< the last layer that wrote it or what is beneath it
  std::uint16_t cleared = 0;      ///< the last layer that hid what lower ones have beneath it
  std::uint16_t path_length = 0;  ///< of a directory

  Node parent = root_node;
  Node next = no_node;      ///< in the same directory
  Node previous = no_node;  ///< in the same directory
  /// Of a directory, the first of what is in it. Of all else, the name that stands for the content
  /// where it has several.
  Node first = no_node;
  /// Where the content is described: at this node, or for a hard link at another, even if that name
  /// is not there any more.
  Node content = no_node;

  std::uint32_t name = 0;   ///< NodeTable::text
  std::uint32_t entry = 0;  ///< the entry that made it, counted from 1 through all layers
  std::uint32_t links = 0;  ///< names that have this content
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t mtime_nanoseconds = 0;
  std::int64_t mtime = 0;
  /// A file's size; a symbolic link's target as NodeTable::text; a device's numbers, major << 32.
  std::uint64_t value = 0;
};

/// Holds nodes and finds them by directory and name.
class NodeTable {
 public:
  NodeTable();

  Node add(Node parent, std::string_view name);
  /// The node of this name that is there, or no_node.
  Node find(Node parent, std::string_view name) const;
  /// Takes a node out of its directory. Its description stays.
  void erase(Node node);

  OverlayNode& operator[](Node node) { return nodes_[node]; }
  const OverlayNode& operator[](Node node) const { return nodes_[node]; }
  /// All nodes, also those that are not there any more.
  Node size() const { return static_cast<Node>(nodes_.size()); }

  /// Keeps a text of less than 64 KiB, and gives it back.
  std::uint32_t keep(std::string_view text);
  std::string_view text(std::uint32_t id) const;
  std::string_view name(Node node) const { return text(nodes_[node].name); }

  /// What all this takes, about.
  std::uint64_t memory() const;

 private:
  std::size_t hash(Node parent, std::string_view name) const;
  std::size_t slot_of(Node parent, std::string_view name) const;
  void grow();

  std::deque<OverlayNode> nodes_;
  std::vector<Node> slots_;  // open addressing, linear; a power of two
  std::size_t used_ = 0;
  // Names come from strangers. Without a secret they would be chosen to fall into one slot.
  std::uint64_t seed_;
  std::uint64_t factor_;

  std::vector<std::unique_ptr<char[]>> blocks_;
  std::size_t block_used_;
};

}  // namespace davit::oci
