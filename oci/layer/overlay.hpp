#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "oci/base/limits.hpp"
#include "oci/layer/overlay_nodes.hpp"
#include "oci/layer/tar_header.hpp"

namespace davit::oci {

/// How a layer says that something of the layers below is gone (image-spec, layer.md).
inline constexpr std::string_view whiteout_mark = ".wh.";
inline constexpr std::string_view opaque_mark = ".wh..wh..opq";
inline constexpr std::string_view aufs_mark = ".wh..wh.";  ///< notes of AUFS, which mean nothing

/// An entry's path as what it names: "a/b" for "./a//x/../b/", empty for the root itself. Throws
/// Error(corrupt) for what leads out of the root, and for names longer than the kernel takes.
std::string clean_path(std::string_view path);

/// What an entry changes besides its own name, for whoever keeps a file system like the tree.
struct OverlayChanges {
  virtual ~OverlayChanges() = default;
  /// The node, which is still there, will go, with all that is beneath it.
  virtual void removes(Node node) = 0;
  /// A directory that no entry has named was made for what is beneath it, with mode 0755.
  virtual void implied(Node node) = 0;
};

/// The tree that layers make when they are put upon each other: the one rule that says what their
/// entries mean (image-spec, layer.md), for unpacking as for looking. Entries are applied from the
/// lowest layer up, and only their headers count.
///
/// What an entry names replaces what was there, with all that was beneath it, but a directory stays
/// for a directory. The last entry of a name counts. Where a directory on the way is a symbolic
/// link, the entry lands where the link leads, beneath the root whatever the link says; what is
/// missing on the way is made. A hard link means the file that its target is at this moment, and
/// keeps it when the target is replaced. ".wh.NAME" removes NAME, ".wh..wh..opq" all that is in its
/// directory, and both only what lower layers have brought, wherever they stand in their layer. A
/// whiteout of what is not there, an entry of the root that is no directory, and AUFS's notes mean
/// nothing.
///
/// Throws Error(corrupt) naming the layer and the entry for entries beneath what is no directory,
/// hard links to what is no file, whiteouts of nothing nameable; Error(refused) beyond the limits.
class Overlay {
 public:
  explicit Overlay(OverlayChanges* changes = nullptr,
                   std::uint64_t max_entries = layer_entry_limit);

  /// Before the entries of each layer; `what` is what errors call it.
  void begin_layer(std::string what = "the layer");

  struct Applied {
    Node node = no_node;  ///< what the entry made or described; no_node if it was no such entry
    bool is_new = false;
  };
  Applied apply(const TarEntry& entry);

  /// After the last layer: says for each content which name stands for it, and sorts.
  void settle();

  const OverlayNode& operator[](Node node) const { return nodes_[node]; }
  Node size() const { return nodes_.size(); }
  std::string_view name(Node node) const { return nodes_.name(node); }
  /// "a/b", empty for the root.
  std::string path(Node node) const;
  bool is_directory(Node node) const { return nodes_[node].type == EntryType::directory; }
  /// The name that stands for this one's content: itself, or another that it is a hard link to.
  Node first_name(Node node) const;
  /// A node as an entry whose path is given. Only directories have their extended attributes.
  TarEntry entry(Node node, std::string path) const;
  enum class Last { directory, followed, itself };
  /// What a path names, or no_node. Symbolic links on the way are followed, and the last one, if so
  /// wanted.
  Node find(std::string_view path, Last last) const;
  /// All that is there from a node down, in order of names, what is in a directory after it; once
  /// the tree is settled.
  void visit(Node top, const std::function<void(Node, const std::string& path)>& take) const;

 private:
  struct Walked {
    Node node = no_node;
    std::string why;  // there is none
  };
  template <class Missing>
  Walked walk(std::string_view path, Last last, const Missing& missing) const;
  Node find_directory(std::string_view path) const;
  Node directory(std::string_view path);

  void whiteout(std::string_view above, std::string_view name);
  void clear(Node directory);
  Node link_target(const TarEntry& entry) const;
  Node make(Node parent, std::string_view name);
  Node imply(Node parent, std::string_view name);
  void describe(Node node, const TarEntry& entry);
  void remove(Node node);
  void touch(Node node);
  void check_limits() const;
  [[noreturn]] void corrupt(std::string_view path, std::string_view why) const;

  OverlayChanges* const changes_;
  const std::uint64_t max_entries_;
  NodeTable nodes_;
  using Attributes = std::map<std::string, std::string>;
  std::unordered_map<Node, Attributes> attributes_;  // of directories
  std::uint64_t attribute_bytes_ = 0;

  std::string what_;
  std::uint16_t layer_ = 0;
  std::uint32_t entry_ = 0;  // its number
  std::uint64_t implied_ = 0;
  // Neighbours share their directory.
  std::string last_path_;
  Node last_directory_ = no_node;
};

}  // namespace davit::oci
