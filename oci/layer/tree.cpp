#include "oci/layer/tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <memory>
#include <unordered_map>
#include <utility>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/base/file.hpp"
#include "oci/base/log.hpp"
#include "oci/base/tasks.hpp"
#include "oci/layer/tar_writer.hpp"
#include "oci/layer/tree_ahead.hpp"
#include "oci/layer/tree_walk.hpp"

namespace davit::oci {
namespace {

/// A destination's names one by one, relative to the layer's root.
std::vector<std::string> names_of(std::string_view destination) {
  std::vector<std::string> names;
  while (!destination.empty()) {
    const std::size_t slash = destination.find('/');
    const std::string_view name = destination.substr(0, slash);
    destination.remove_prefix(slash == std::string_view::npos ? destination.size() : slash + 1);
    if (name.empty() || name == ".") continue;
    if (name == ".." || name.starts_with(".wh.") || name.find('\0') != std::string_view::npos) {
      throw Error(ErrorKind::usage,
                  fmt::format("\"{}\" cannot be part of a destination", printable(name)));
    }
    names.emplace_back(name);
  }
  return names;
}

/// Which files were seen under another name before. Forgets one with its last name.
class HardLinks {
 public:
  /// The first name of this file, if there was one; otherwise remembers `path`.
  std::optional<std::string> first(const struct stat& status, const std::string& path) {
    const auto [found, added] =
        files_.try_emplace(Key{status.st_dev, status.st_ino}, File{path, status.st_nlink - 1});
    if (added) return std::nullopt;
    if (--found->second.names_left > 0) return found->second.path;
    return std::move(files_.extract(found).mapped().path);
  }

 private:
  struct Key {
    dev_t device;
    ino_t inode;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    std::size_t operator()(const Key& key) const {
      return std::hash<ino_t>()(key.inode ^ (key.device << 32));
    }
  };
  struct File {
    std::string path;
    nlink_t names_left;
  };
  std::unordered_map<Key, File, Hash> files_;
};

/// A directory or a file that was found, and where it goes.
struct Source {
  Fd directory;           // the tree's root, or what the file is in
  std::string name;       // what errors call that directory
  std::string file_name;  // of a single file, in `directory`
  std::vector<std::string> destination;
  TreeOptions options;
};

/// Writes one layer.
class TreeWriter {
 public:
  TreeWriter(const Source& source, BlockWriter& to)
      : source_(source), options_(source.options), tar_(to) {}

  void write() {
    const std::string prefix = parents();
    if (source_.file_name.empty()) {
      directory(prefix);
    } else {
      file();
    }
    tar_.finish();
  }

 private:
  /// The directories above the destination; returns what stands in front of every path.
  std::string parents() {
    std::string path;
    for (std::size_t i = 0; i < source_.destination.size(); ++i) {
      path += source_.destination[i];
      if (i + 1 < source_.destination.size()) {
        TarEntry parent;
        parent.type = EntryType::directory;
        parent.path = path;
        parent.mode = 0755;
        parent.mtime = options_.clamp_mtime.value_or(0);
        tar_.entry(parent);
      }
      path += '/';
    }
    return path;
  }

  void directory(const std::string& prefix) {
    const TreeReader reader(source_.name,
                            {prefix, options_.owner, options_.clamp_mtime, options_.part});
    TreeWalk walk(source_.directory.get(), source_.name, options_.part.get());
    if (prefix.empty() && options_.root_entry == RootEntry::omitted) walk.next();
    TreeAhead ahead(walk, reader, options_.threads);
    while (const TreeBatch* batch = ahead.next(options_.stop)) {
      check_stop(options_.stop);
      batch->visit([&](Bytes entries) { tar_.append(entries); },
                   [&](const TreeItem& item) { entry(reader, item, {}); });
    }
  }

  void file() {
    // Its name in the layer need not be its own.
    const TreeReader reader(source_.name, {"", options_.owner, options_.clamp_mtime, nullptr});
    TreeDirectory above{duplicate(source_.directory), ""};
    const TreeItem item{std::make_shared<const TreeDirectory>(std::move(above)), source_.file_name,
                        DT_REG};
    entry(reader, item, fmt::format("{}", fmt::join(source_.destination, "/")));
  }

  void entry(const TreeReader& reader, const TreeItem& item, const std::string& path) {
    TreeReader::Opened opened = reader.open(item);
    TarEntry& entry = opened.entry;
    if (opened.socket) {
      log(LogLevel::warning, reader.called(item) + ": a socket, left out");
      return;
    }
    if (!path.empty()) entry.path = path;
    if (entry.type != EntryType::directory && opened.status.st_nlink > 1) {
      if (std::optional<std::string> first = links_.first(opened.status, entry.path)) {
        entry.type = EntryType::hardlink;
        entry.link_target = std::move(*first);
        entry.size = 0;
        entry.device_major = entry.device_minor = 0;
        entry.xattrs.clear();
      }
    }
    tar_.entry(entry);
    if (entry.size == 0) return;
    for (auto room = tar_.space(); !room.empty(); room = tar_.space()) {
      check_stop(options_.stop);
      tar_.advance(reader.read(opened, room));
    }
    reader.check_unchanged(opened);
  }

  const Source& source_;
  const TreeOptions& options_;
  TarWriter tar_;
  HardLinks links_;
};

}  // namespace

TarSource tree_source(const std::filesystem::path& path, TreeOptions options) {
  auto source = std::make_shared<Source>();
  source->name = printable(path.native());
  source->destination = names_of(options.destination);
  source->options = std::move(options);

  struct stat status;
  if (::stat(path.c_str(), &status) != 0) throw errno_error(source->name);
  if (S_ISDIR(status.st_mode)) {
    source->directory = open_file(path, O_RDONLY | O_DIRECTORY);
  } else if (S_ISREG(status.st_mode) && !source->options.destination.empty()) {
    const std::filesystem::path file = std::filesystem::canonical(path);
    source->file_name = file.filename().native();
    if (source->options.destination.ends_with('/')) {
      source->destination.push_back(path.filename().native());
    }
    if (source->destination.empty()) {
      throw Error(ErrorKind::usage,
                  fmt::format("{}: a file cannot take the place of the root", source->name));
    }
    source->name = printable(file.parent_path().native());
    source->directory = open_file(file.parent_path(), O_RDONLY | O_DIRECTORY);
  } else {
    throw Error(ErrorKind::usage, fmt::format("{}: is not a directory", source->name));
  }
  return [source](BlockWriter& to) { TreeWriter(*source, to).write(); };
}

}  // namespace davit::oci
