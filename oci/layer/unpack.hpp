#pragma once

#include <cstdint>
#include <map>
#include <stop_token>
#include <string>

#include "oci/base/error.hpp"
#include "oci/base/limits.hpp"
#include "oci/layer/overlay.hpp"
#include "oci/layer/rooted.hpp"
#include "oci/layer/tar_parser.hpp"

namespace davit::oci {

struct UnpackOptions {
  /// As root, owners and devices are made as the layers say; otherwise everything is the caller's
  /// and devices are left out.
  bool privileged = false;
  std::uint64_t max_bytes = unpacked_size_limit;  ///< of all files together
  std::uint64_t max_entries = layer_entry_limit;  ///< of all layers
  std::stop_token stop;
};

/// What could not be done without stopping: kinds of trouble, how often, and the first example.
struct Shortfall {
  std::uint64_t count = 0;
  std::string example;
};

/// Applies layers to an empty directory in order, as Overlay says: it decides what an entry means,
/// and the directory follows it, by paths on which the kernel takes no symbolic link. So nothing
/// outside the directory is read or changed, whatever the entries say: they are hostile. Modes and
/// times of directories are set at the end, for the directories that are there then. A directory
/// that no entry is of gets the mode 0755 and the time 0, so that the same image is the same tree.
///
/// Throws what Overlay throws; Error(refused) beyond the limits; Error(failed) for a disk that is
/// full.
class Unpacker final : public TarHandler, private OverlayChanges {
 public:
  Unpacker(const RootedTree& tree, UnpackOptions options);
  ~Unpacker() override;

  /// Before the entries of each layer; `what` is what errors call it.
  void begin_layer(std::string what = "the layer");
  void entry(const TarEntry& entry) override;
  void data(Bytes bytes) override;
  /// After the last layer.
  void finish();

  /// By what was not done: "owners", "devices", "extended attributes".
  const std::map<std::string, Shortfall>& shortfalls() const { return shortfalls_; }

 private:
  void removes(Node node) override;
  void implied(Node node) override;

  void make_directory(const TarEntry& entry, Overlay::Applied applied);
  void make_file(const TarEntry& entry);
  void make_symlink(const TarEntry& entry);
  void make_link();
  void make_device(const TarEntry& entry);
  void end_file();
  void end_directory(Node node);

  int directory(Node node);
  int parent() { return directory(overlay_[node_].parent); }
  std::string name() const { return std::string(overlay_.name(node_)); }
  Error failure() const;
  bool is_left_out(Node node) const;
  void set_owner(const TarEntry& entry);
  void set_attributes(const TarEntry& entry, int fd);
  void set_times(const TarEntry& entry);
  void fell_short(const std::string& what);

  const RootedTree& tree_;
  const UnpackOptions options_;
  Overlay overlay_;

  Node node_ = no_node;  // of the entry
  // The directory that was used last. Neighbours share it.
  Node open_ = no_node;
  Fd directory_;

  Fd file_;
  TarEntry file_entry_;
  std::uint64_t missing_ = 0;
  std::uint64_t bytes_ = 0;
  std::map<std::string, Shortfall> shortfalls_;
};

}  // namespace davit::oci
