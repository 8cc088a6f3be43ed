#include "tests/oci/image/random_layers.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <random>

#include "oci/base/error.hpp"
#include "oci/layer/overlay.hpp"

namespace davit::tests {
namespace {

using namespace oci;

class Generator {
 public:
  explicit Generator(std::uint32_t seed) : random_(seed) {}

  std::vector<RandomLayer> layers() {
    const bool may_be_refused = one_in(20);
    std::vector<RandomLayer> layers;
    const std::size_t count = 1 + below(4);
    for (std::size_t i = 0; i < count; ++i) {
      layers.emplace_back();
      if (i == 0 && one_in(2)) usr_merge(layers.back());
      for (std::size_t left = 1 + below(14); left > 0; --left) {
        layers.back().push_back(item());
        if (!may_be_refused && !is_good(layers)) layers.back().pop_back();
      }
    }
    return layers;
  }

 private:
  std::size_t below(std::size_t n) { return random_() % n; }
  bool one_in(std::size_t n) { return below(n) == 0; }
  template <std::size_t Size>
  const char* pick(const char* const (&all)[Size]) {
    return all[below(Size)];
  }

  static bool is_good(const std::vector<RandomLayer>& layers) {
    try {
      Overlay files;
      for (const RandomLayer& layer : layers) {
        files.begin_layer();
        for (const TarItem& item : layer) files.apply(item.entry);
      }
      return true;
    } catch (const Error&) {
      return false;
    }
  }

  static TarItem made(EntryType type, const std::string& path, const std::string& target = "") {
    TarItem item;
    item.entry.type = type;
    item.entry.path = path;
    item.entry.link_target = target;
    item.entry.mode = type == EntryType::symlink ? 0777 : 0755;
    return item;
  }

  void usr_merge(RandomLayer& layer) {
    layer.push_back(made(EntryType::directory, "usr"));
    layer.push_back(made(EntryType::directory, "usr/lib"));
    layer.push_back(made(EntryType::symlink, "lib", one_in(2) ? "usr/lib" : "/usr/lib"));
  }

  std::string name() {
    if (one_in(60)) return pick({"\x01odd", "\xff", "new\nline", "a b", ".hidden"});
    return pick({"a", "b", "c", "d", "lib", "usr", "a", "b"});
  }

  std::string path() {
    // Most entries are where others have been.
    if (!paths_.empty() && one_in(3)) return paths_[below(paths_.size())];
    std::string path;
    if (!paths_.empty() && one_in(2)) path = paths_[below(paths_.size())] + "/";
    for (std::size_t i = 1 + below(3); i > 1; --i) path += name() + "/";
    return path + name();
  }

  std::string target() {
    std::string target = pick({"", "", "", "/", "../", "../../", "./", "../../../../"});
    return target + path();
  }

  TarItem item() {
    TarItem item;
    TarEntry& entry = item.entry;
    entry.path = path();
    paths_.push_back(entry.path);
    entry.mode = static_cast<std::uint32_t>(
        std::stoul(pick({"755", "700", "644", "600", "555", "1777", "4755", "0"}), nullptr, 8));
    entry.uid = static_cast<std::uint32_t>(below(3) * 1000);
    entry.gid = static_cast<std::uint32_t>(below(3) * 500);
    entry.mtime = static_cast<std::int64_t>(below(2'000'000'000));
    if (one_in(3)) entry.mtime_nanoseconds = static_cast<std::uint32_t>(below(1'000'000'000));
    const std::size_t kind = below(100);
    if (kind < 32) {
      file(item);
    } else if (kind < 52) {
      entry.type = EntryType::directory;
      if (one_in(30)) entry.path = ".";
      if (one_in(8)) entry.xattrs["user.x"] = pick({"one", "two"});
    } else if (kind < 67) {
      entry.type = EntryType::symlink;
      entry.link_target = target();
      entry.mode = 0777;
    } else if (kind < 82) {
      entry.type = EntryType::hardlink;
      entry.link_target = path();
    } else if (kind < 86) {
      entry.type = EntryType::fifo;
    } else if (kind < 88 && ::geteuid() == 0) {
      entry.type = EntryType::character_device;
      entry.device_major = 1;
      entry.device_minor = static_cast<std::uint32_t>(below(10));
    } else if (kind < 96) {
      entry.path = within(entry.path, ".wh.");
    } else {
      entry.path = entry.path + "/.wh..wh..opq";
    }
    return item;
  }

  void file(TarItem& item) {
    item.data = fmt::format("content {}\n", random_() % 1000);
    if (one_in(6)) item.data.clear();
    item.entry.size = item.data.size();
    if (one_in(8)) item.entry.xattrs["user.x"] = pick({"one", "two"});
  }

  static std::string within(const std::string& path, std::string_view mark) {
    const auto slash = path.rfind('/');
    const std::size_t at = slash == std::string::npos ? 0 : slash + 1;
    return path.substr(0, at) + std::string(mark) + path.substr(at);
  }

  std::mt19937 random_;
  std::vector<std::string> paths_;
};

}  // namespace

std::vector<RandomLayer> random_layers(std::uint32_t seed) { return Generator(seed).layers(); }

std::string describe(const std::vector<RandomLayer>& layers) {
  constexpr std::string_view letters = "fdslcbp";
  std::string text;
  for (const RandomLayer& layer : layers) {
    text += "layer\n";
    for (const auto& [entry, data] : layer) {
      text += fmt::format("  {} {} {:o}{}{}\n", letters[static_cast<std::size_t>(entry.type)],
                          printable(entry.path), entry.mode,
                          entry.link_target.empty() ? "" : " -> ", printable(entry.link_target));
    }
  }
  return text;
}

}  // namespace davit::tests
