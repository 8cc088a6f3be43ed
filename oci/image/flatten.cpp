#include "oci/image/flatten.hpp"

#include <fmt/format.h>

#include <unordered_set>

#include "oci/base/error.hpp"
#include "oci/layer/tar_writer.hpp"
#include "oci/layer/unpack.hpp"

namespace davit::oci {
namespace {

constexpr int link_limit = 40;

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/// The entries of one layer after the other, from the top.
class Flattener final : public TarHandler {
 public:
  explicit Flattener(TarHandler& to) : to_(to) {}

  struct Link {
    TarEntry entry;
    std::size_t layer = 0;
  };

  void begin_layer(std::size_t number) {
    layer_ = number;
    hidden_.merge(hides_);
    hides_.clear();
    opaque_.merge(empties_);
    empties_.clear();
  }

  void entry(const TarEntry& given) override {
    passing_ = false;
    const std::string path = clean_path(given.path);
    const std::string name = name_of(path);
    if (name.starts_with(whiteout_mark)) return whiteout(parent_of(path), name);
    if (is_hidden(path) || !seen_.insert(path).second) return;
    // Whatever is no directory hides what lower layers have beneath it.
    if (given.type != EntryType::directory) hides_.insert(path);
    TarEntry entry = given;
    entry.path = path.empty() ? "." : path;
    if (entry.type == EntryType::hardlink) {
      entry.link_target = clean_path(entry.link_target);
      if (!emitted_.contains(entry.link_target)) {
        links_.push_back({std::move(entry), layer_});
        return;
      }
    }
    emit(entry);
    passing_ = true;
  }

  void data(Bytes bytes) override {
    if (passing_) to_.data(bytes);
  }

  void emit(const TarEntry& entry) {
    emitted_.insert(entry.path);
    to_.entry(entry);
  }

  bool has(const std::string& path) const { return emitted_.contains(path); }
  std::vector<Link> take_links() { return std::move(links_); }

 private:
  void whiteout(const std::string& above, const std::string& name) {
    if (name == opaque_mark) {
      empties_.insert(above);
    } else if (!name.starts_with(aufs_mark)) {
      const std::string gone = name.substr(whiteout_mark.size());
      hides_.insert(above.empty() ? gone : above + "/" + gone);
    }
  }

  bool is_hidden(const std::string& path) const {
    if (hidden_.contains(path)) return true;
    for (std::string above = path; !above.empty();) {
      above = parent_of(above);
      if (opaque_.contains(above) || (!above.empty() && hidden_.contains(above))) return true;
    }
    return false;
  }

  using Paths = std::unordered_set<std::string>;

  TarHandler& to_;
  std::size_t layer_ = 0;
  bool passing_ = false;
  Paths seen_;
  Paths emitted_;
  Paths hidden_, hides_;    // by upper layers; by this one
  Paths opaque_, empties_;  // directories of which nothing of lower layers is left
  std::vector<Link> links_;
};

/// Takes one file out of layers.
class Extractor final : public TarHandler {
 public:
  Extractor(std::string path, std::vector<TarEntry> names, TarHandler& to)
      : path_(std::move(path)), names_(std::move(names)), to_(to) {}

  void entry(const TarEntry& entry) override {
    passing_ = false;
    if (found_ || entry.type == EntryType::hardlink || clean_path(entry.path) != path_) return;
    found_ = passing_ = true;
    TarEntry first = entry;
    first.path = names_.front().path;
    to_.entry(first);
  }

  void data(Bytes bytes) override {
    if (passing_) to_.data(bytes);
  }

  /// The further names, once the data is there.
  bool finish() {
    for (std::size_t i = 1; found_ && i < names_.size(); ++i) {
      TarEntry link = names_[i];
      link.link_target = names_.front().path;
      to_.entry(link);
    }
    return found_;
  }

 private:
  const std::string path_;
  const std::vector<TarEntry> names_;
  TarHandler& to_;
  bool found_ = false;
  bool passing_ = false;
};

/// One layer as an image of its own.
ImageLayers only(const ImageLayers& image, std::size_t layer) {
  ImageLayers one = image;
  one.layers = {image.layers[layer]};
  one.diff_ids = {image.diff_ids[layer]};
  return one;
}

/// Collects entries and the digests of their contents.
class Lister final : public TarHandler {
 public:
  explicit Lister(Contents contents) : hashes_(contents == Contents::hashed) {}

  void entry(const TarEntry& entry) override {
    current_ = &files_[entry.path];
    current_->entry = entry;
    if (!hashes_) return;
    missing_ = entry.size;
    hasher_ = Hasher();
    if (entry.type == EntryType::file && missing_ == 0) current_->content = hasher_.finish();
  }
  void data(Bytes bytes) override {
    if (!hashes_) return;
    hasher_.write(bytes);
    missing_ -= bytes.size();
    if (missing_ == 0) current_->content = hasher_.finish();
  }
  std::map<std::string, ImageFile> take() {
    for (auto& [path, file] : files_) {
      if (file.entry.type != EntryType::hardlink) continue;
      const auto target = files_.find(file.entry.link_target);
      if (target == files_.end()) continue;
      file.content = target->second.content;
      const std::string link = file.entry.link_target;
      TarEntry entry = target->second.entry;
      entry.path = path;
      entry.type = EntryType::hardlink;
      entry.link_target = link;
      file.entry = std::move(entry);
    }
    return std::move(files_);
  }

 private:
  const bool hashes_;
  std::map<std::string, ImageFile> files_;
  ImageFile* current_ = nullptr;
  Hasher hasher_;
  std::uint64_t missing_ = 0;
};

/// Sends the data of one path.
class Picker final : public TarHandler {
 public:
  Picker(std::string path, Sink& to) : path_(std::move(path)), to_(to) {}
  void entry(const TarEntry& entry) override { passing_ = entry.path == path_; }
  void data(Bytes bytes) override {
    if (passing_) to_.write(bytes);
  }

 private:
  const std::string path_;
  Sink& to_;
  bool passing_ = false;
};

/// Where a path leads in the image, with symbolic links followed name by name.
std::string resolve(const std::map<std::string, ImageFile>& files, const std::string& wanted) {
  std::vector<std::string> names;  // still to go, the next one last
  const auto push = [&](std::string text) {
    while (!text.empty()) {
      const auto slash = text.rfind('/');
      const std::string name = slash == std::string::npos ? text : text.substr(slash + 1);
      text = slash == std::string::npos ? "" : text.substr(0, slash);
      if (!name.empty() && name != ".") names.push_back(name);
    }
  };
  push(wanted);
  std::string path;
  for (int links = 0; !names.empty();) {
    const std::string name = names.back();
    names.pop_back();
    if (name == "..") {
      path = parent_of(path);
      continue;
    }
    const std::string next = path.empty() ? name : path + "/" + name;
    const auto found = files.find(next);
    if (found == files.end() || found->second.entry.type != EntryType::symlink) {
      path = next;
      continue;
    }
    if (++links > link_limit) {
      throw Error(ErrorKind::corrupt,
                  fmt::format("{}: too many symbolic links", printable(wanted)));
    }
    const std::string& target = found->second.entry.link_target;
    if (target.starts_with('/')) path.clear();
    push(target);
  }
  return path;
}

}  // namespace

void flatten(const ImageLayers& image, const LayerReading& reading, TarHandler& to) {
  Flattener flattener(to);
  read_layers(image, LayerOrder::top_down, reading, [&](std::size_t layer) -> TarHandler& {
    flattener.begin_layer(layer);
    return flattener;
  });
  // By where the data is: a name that is hidden, as its layer sees it.
  std::map<std::pair<std::size_t, std::string>, std::vector<TarEntry>> orphans;
  for (const Flattener::Link& link : flattener.take_links()) {
    if (flattener.has(link.entry.link_target)) {
      flattener.emit(link.entry);
    } else {
      orphans[{link.layer, link.entry.link_target}].push_back(link.entry);
    }
  }
  for (const auto& [where, names] : orphans) {
    Extractor extractor(where.second, names, to);
    bool found = false;
    for (std::size_t layer = where.first + 1; layer-- > 0 && !found;) {
      read_layers(only(image, layer), LayerOrder::top_down, {.stop = reading.stop},
                  [&](std::size_t) -> TarHandler& { return extractor; });
      found = extractor.finish();
    }
    if (!found) {
      throw Error(ErrorKind::corrupt,
                  fmt::format("{}: {} is a hard link to {}, which is no file", image.name,
                              printable(names.front().path), printable(where.second)));
    }
  }
}

std::map<std::string, ImageFile> list_files(const ImageLayers& image, const LayerReading& reading,
                                            Contents contents) {
  Lister lister(contents);
  flatten(image, reading, lister);
  return lister.take();
}

void read_image_file(const ImageLayers& image, const LayerReading& reading, const std::string& path,
                     Sink& to) {
  const auto files = list_files(image, reading, Contents::passed_over);
  std::string resolved = resolve(files, path);
  auto found = files.find(resolved);
  if (found == files.end()) {
    throw Error(ErrorKind::not_found, fmt::format("{} has no {}", image.name, printable(path)));
  }
  if (found->second.entry.type == EntryType::hardlink) {
    resolved = found->second.entry.link_target;
  } else if (found->second.entry.type != EntryType::file) {
    throw Error(ErrorKind::usage, fmt::format("{} is no file", printable(path)));
  }
  Picker picker(resolved, to);
  flatten(image, {.stop = reading.stop}, picker);
}

void export_tar(const ImageLayers& image, const LayerReading& reading, Sink& to) {
  struct Writer final : TarHandler {
    explicit Writer(BlockWriter& blocks) : tar(blocks) {}
    void entry(const TarEntry& entry) override { tar.entry(entry); }
    void data(Bytes bytes) override { tar.write(bytes); }
    TarWriter tar;
  };
  BlockPool pool(2);
  BlockWriter blocks(pool, [&](const Block& block) { to.write(Bytes(*block)); });
  Writer writer(blocks);
  flatten(image, reading, writer);
  writer.tar.finish();
  blocks.finish();
}

}  // namespace davit::oci
