#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/base/file.hpp"
#include "oci/layer/tree_part.hpp"

namespace davit::oci {

/// A directory of a tree, open as long as somebody needs something in it.
struct TreeDirectory {
  Fd fd;
  std::string path;  ///< from the root, with a slash at its end; empty for the root itself
};

struct TreeItem {
  std::shared_ptr<const TreeDirectory> directory;
  std::string name;        ///< in the directory; empty: the directory itself
  unsigned char type = 0;  ///< DT_REG, DT_LNK, ... as the directory says

  std::string path() const { return directory->path + name; }
};

/// Names what is beneath a directory, parents before children, in the order of the bytes of the
/// paths as an archive has them (a directory's ends with a slash). Symbolic links are not
/// followed. Memory grows with the names of the directories on the way down, not with the tree;
/// a bounded number of them is open.
///
/// Throws Error(failed) naming a file that begins with ".wh.", which would be a whiteout in a
/// layer (image-spec, layer.md), and a directory that goes away meanwhile.
class TreeWalk {
 public:
  /// `root` is an open directory, `name` what errors call it. Of a part of the tree, what belongs
  /// to it and the directories above; the root in any case.
  TreeWalk(int root, std::string name, const TreePart* part = nullptr);

  std::optional<TreeItem> next();

 private:
  struct Name {
    std::size_t offset;    // in `text`
    std::uint16_t length;  // at most NAME_MAX and a slash
    unsigned char type;
  };
  struct Frame {
    std::shared_ptr<const TreeDirectory> directory;  // null while too deep below
    std::string path;
    dev_t device;
    ino_t inode;
    std::string text;  // the names one after the other, a directory's with a slash
    std::vector<Name> names;
    std::size_t next = 0;
  };

  void enter(Fd fd, std::string path);
  void list(Frame& frame);
  const std::shared_ptr<const TreeDirectory>& opened(Frame& frame);
  bool belongs(const Frame& frame, const Name& name) const;
  Fd open_at(int directory, const std::string& name, std::string_view path) const;
  std::string called(std::string_view path) const;

  const int root_;
  const std::string name_;
  const TreePart* const part_;
  std::vector<Frame> stack_;
  bool started_ = false;
  std::vector<char> buffer_;
};

}  // namespace davit::oci
