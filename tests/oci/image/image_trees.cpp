#include "tests/oci/image/image_trees.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <optional>

#include "oci/base/atomic_file.hpp"
#include "oci/base/error.hpp"
#include "oci/base/file.hpp"
#include "oci/base/process.hpp"
#include "oci/image/flatten.hpp"
#include "oci/image/image_files.hpp"
#include "oci/image/unpack.hpp"
#include "oci/layer/xattr.hpp"
#include "oci/store/memory.hpp"
#include "tests/oci/store/images.hpp"

namespace davit::tests {
namespace {

namespace fs = std::filesystem;
using namespace oci;

/// What is compared of a name.
struct Seen {
  TarEntry entry;
  std::string content;  // a digest
  std::string first;    // of its names
  bool has_time = true;

  std::string line() const {
    const bool is_link = entry.type == EntryType::symlink;
    std::string text =
        fmt::format("{} type {} mode {:o} owner {}:{} {}:{} {} {}", printable(entry.path),
                    static_cast<int>(entry.type), is_link ? 0777 : entry.mode, entry.uid, entry.gid,
                    entry.device_major, entry.device_minor,
                    printable(is_link ? entry.link_target : ""), content);
    if (has_time) text += fmt::format(" time {}.{:09}", entry.mtime, entry.mtime_nanoseconds);
    if (first != entry.path) text += " = " + printable(first);
    return text;
  }
};

EntryType type_of(mode_t mode) {
  if (S_ISDIR(mode)) return EntryType::directory;
  if (S_ISLNK(mode)) return EntryType::symlink;
  if (S_ISFIFO(mode)) return EntryType::fifo;
  if (S_ISCHR(mode)) return EntryType::character_device;
  if (S_ISBLK(mode)) return EntryType::block_device;
  return EntryType::file;
}

Seen look_at(const fs::path& file, const std::string& path) {
  struct stat status {};
  if (::lstat(file.c_str(), &status) != 0) throw errno_error(file.native());
  Seen seen;
  TarEntry& entry = seen.entry;
  entry.path = path;
  entry.type = type_of(status.st_mode);
  entry.mode = status.st_mode & 07777;
  entry.uid = status.st_uid;
  entry.gid = status.st_gid;
  entry.mtime = status.st_mtim.tv_sec;
  entry.mtime_nanoseconds = static_cast<std::uint32_t>(status.st_mtim.tv_nsec);
  if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) {
    entry.device_major = major(status.st_rdev);
    entry.device_minor = minor(status.st_rdev);
  }
  if (S_ISLNK(status.st_mode)) entry.link_target = fs::read_symlink(file);
  if (S_ISREG(status.st_mode)) seen.content = digest_of(bytes_of(read_file(file, 1 * MiB))).str();
  return seen;
}

std::vector<std::string> lines_of(const std::vector<Seen>& all) {
  std::vector<std::string> lines;
  for (const Seen& seen : all) lines.push_back(seen.line());
  std::sort(lines.begin(), lines.end());
  return lines;
}

/// The first line that only one of two trees has.
std::string first_difference(const std::vector<std::string>& a, const std::vector<std::string>& b,
                             std::string_view of_a, std::string_view of_b) {
  const auto only = [](const auto& here, const auto& there) {
    std::vector<std::string> found;
    std::set_difference(here.begin(), here.end(), there.begin(), there.end(),
                        std::back_inserter(found));
    return found.empty() ? std::string("-") : found.front();
  };
  if (a == b) return {};
  return fmt::format("{}: {}\n{}: {}\n", of_a, only(a, b), of_b, only(b, a));
}

template <class Action>
std::string failure_of(const Action& action) {
  try {
    action();
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

/// That `cat` prints what is in the unpacked directory.
std::string wrong_content(const ImageLayers& image, const fs::path& directory) {
  std::size_t files = 0;
  for (const auto& found : fs::recursive_directory_iterator(directory)) {
    if (!fs::is_regular_file(found.symlink_status()) || ++files > 3) continue;
    const std::string path = found.path().lexically_relative(directory);
    StringSink printed(1 * MiB, path);
    read_image_file({}, image, {}, path, printed);
    if (printed.text() != read_file(found.path(), 1 * MiB)) return "cat " + path + " differs\n";
  }
  return {};
}

}  // namespace

ImageLayers image_of(Store& store, const std::vector<RandomLayer>& layers) {
  std::vector<std::string> tars;
  for (const RandomLayer& layer : layers) tars.push_back(tar_of(layer));
  return open_layers({}, store, put_image(store, tars).descriptor.digest.str(), std::nullopt);
}

std::vector<std::string> tree_of_directory(const fs::path& directory, RootTime root) {
  std::vector<Seen> all = {look_at(directory, ".")};
  all.front().has_time = root == RootTime::told;
  for (const auto& found : fs::recursive_directory_iterator(directory)) {
    all.push_back(look_at(found.path(), found.path().lexically_relative(directory)));
  }
  std::map<std::pair<dev_t, ino_t>, std::string> first;
  const auto inode = [&](const Seen& seen) {
    struct stat status {};
    ::lstat((directory / seen.entry.path).c_str(), &status);
    return std::pair(status.st_dev, status.st_ino);
  };
  for (const Seen& seen : all) {
    auto& name = first.try_emplace(inode(seen), seen.entry.path).first->second;
    name = std::min(name, seen.entry.path);
  }
  for (Seen& seen : all) seen.first = first[inode(seen)];
  return lines_of(all);
}

std::vector<std::string> tree_of_files(const ImageLayers& image) {
  std::vector<Seen> all;
  std::map<std::string, std::string> first;  // by the name that others are links to
  std::map<std::string, TarEntry> entries;
  const auto group = [](const TarEntry& entry) {
    return entry.type == EntryType::hardlink ? entry.link_target : entry.path;
  };
  ImageFiles({}, image, {}, Contents::hashed).visit("", [&](const ImageFile& file) {
    Seen seen{.entry = file.entry, .content = file.content.str(), .first = {}};
    auto& name = first.try_emplace(group(file.entry), file.entry.path).first->second;
    name = std::min(name, file.entry.path);
    if (file.entry.type != EntryType::hardlink) entries[file.entry.path] = file.entry;
    all.push_back(seen);
  });
  for (Seen& seen : all) {
    const std::string target = group(seen.entry);
    seen.first = first[target];
    const std::string path = seen.entry.path;
    seen.entry = entries.at(target);
    seen.entry.path = path;
  }
  if (all.empty() || all.front().entry.path != ".") {
    // A root that no entry is of.
    TarEntry root;
    root.path = ".";
    root.type = EntryType::directory;
    root.mode = 0755;
    root.uid = ::geteuid();
    root.gid = ::getegid();
    all.push_back({.entry = root, .content = {}, .first = ".", .has_time = false});
  }
  return lines_of(all);
}

std::string disagreement(std::uint32_t seed, const fs::path& place) {
  const std::vector<RandomLayer> layers = random_layers(seed);
  const auto store = make_memory_store("memory");
  const ImageLayers image = image_of(*store, layers);
  const fs::path unpacked = place / "unpacked";
  const fs::path extracted = place / "extracted";
  const fs::path tar = place / "flat.tar";

  const std::string refused = failure_of([&] { unpack_image({}, image, unpacked, {}); });
  std::vector<std::string> files;
  const std::string not_listed = failure_of([&] { files = tree_of_files(image); });
  const std::string not_exported = failure_of([&] {
    AtomicFile file(tar);
    export_tar({}, image, {}, file);
    file.commit();
  });
  std::string wrong;
  if (refused != not_listed || refused != not_exported) {
    wrong = fmt::format("unpack: {}\nfiles: {}\nexport: {}\n", refused, not_listed, not_exported);
  } else if (refused.empty()) {
    fs::create_directory(extracted);
    const ProcessResult result =
        run_process({}, {"tar", "-C", extracted, "--numeric-owner", "--xattrs", "-Pxpf", tar}, "");
    if (result.status != 0) wrong = "tar: " + result.errors;
    const bool has_root = std::any_of(files.begin(), files.end(), [](const std::string& line) {
      return line.starts_with(". ") && line.find(" time ") != std::string::npos;
    });
    const RootTime root = has_root ? RootTime::told : RootTime::untold;
    const auto of_unpacked = tree_of_directory(unpacked, root);
    wrong += first_difference(of_unpacked, files, "unpack", "files");
    wrong += first_difference(of_unpacked, tree_of_directory(extracted, root), "unpack", "export");
    wrong += wrong_content(image, unpacked);
  }
  fs::remove_all(unpacked);
  fs::remove_all(extracted);
  fs::remove(tar);
  if (wrong.empty()) return {};
  return fmt::format("seed {}\n{}{}", seed, wrong, describe(layers));
}

}  // namespace davit::tests
