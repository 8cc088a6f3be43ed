#include "oci/image/image_files.hpp"

#include <fmt/format.h>

#include <charconv>

#include "oci/base/error.hpp"

namespace davit::oci {
namespace {

using RawDigest = std::array<std::byte, 32>;

RawDigest raw_of(const Digest& digest) {
  RawDigest raw{};
  const std::string_view hex = digest.hex();
  for (std::size_t i = 0; i < raw.size(); ++i) {
    unsigned value = 0;
    std::from_chars(hex.data() + 2 * i, hex.data() + 2 * i + 2, value, 16);
    raw[i] = static_cast<std::byte>(value);
  }
  return raw;
}

class Hashing final : public TreeHandler {
 public:
  Hashing(const Overlay& files, Contents contents, std::vector<RawDigest>& digests)
      : files_(files),
        with_attributes_(contents == Contents::hashed_with_attributes),
        digests_(digests) {}

  bool wants(Node node) const {
    const OverlayNode& found = files_[node];
    return found.content == node && found.links > 0 && found.type != EntryType::directory &&
           (found.type == EntryType::file || with_attributes_);
  }

  void node(Node node, const TarEntry& entry) override {
    const bool has_attributes = with_attributes_ && !entry.xattrs.empty();
    is_wanted_ = wants(node) && (entry.type == EntryType::file || has_attributes);
    if (!is_wanted_) return;
    node_ = node;
    missing_ = entry.size;
    hasher_ = Hasher();
    for (const auto& [name, value] : entry.xattrs) {
      if (!has_attributes) break;
      hasher_.write(bytes_of(fmt::format("{} {} {}{}", name.size(), value.size(), name, value)));
    }
    if (missing_ == 0) end();
  }
  void data(Bytes bytes) override {
    if (!is_wanted_) return;
    hasher_.write(bytes);
    missing_ -= bytes.size();
    if (missing_ == 0) end();
  }

 private:
  void end() { digests_[node_] = raw_of(hasher_.finish()); }

  const Overlay& files_;
  const bool with_attributes_;
  std::vector<RawDigest>& digests_;
  bool is_wanted_ = false;
  Node node_ = no_node;
  Hasher hasher_;
  std::uint64_t missing_ = 0;
};

/// Sends the data of one node.
class Picker final : public TreeHandler {
 public:
  Picker(Node wanted, Sink& to) : wanted_(wanted), to_(to) {}
  void node(Node node, const TarEntry&) override { passing_ = node == wanted_; }
  void data(Bytes bytes) override {
    if (passing_) to_.write(bytes);
  }

 private:
  const Node wanted_;
  Sink& to_;
  bool passing_ = false;
};

}  // namespace

ImageFiles::ImageFiles(const Call& call, const ImageLayers& image, const LayerReading& reading,
                       Contents contents)
    : tree_(call, image, reading) {
  if (contents == Contents::passed_over) return;
  const Overlay& files = tree_.files();
  digests_.resize(files.size());
  Hashing hashing(files, contents, digests_);
  tree_.read(
      call, reading, [&](Node node) { return hashing.wants(node); }, hashing);
}

void ImageFiles::visit(std::string_view path,
                       const std::function<void(const ImageFile&)>& take) const {
  const Overlay& files = tree_.files();
  const Node top = files.find(path, Overlay::Last::itself);
  if (top == no_node) {
    throw Error(ErrorKind::not_found,
                fmt::format("{} has no {}", tree_.image().name, printable(path)));
  }
  files.visit(top, [&](Node node, const std::string& name) {
    // A root that no entry is of is nothing that the image has.
    if (node == root_node && files[node].is_implied) return;
    ImageFile file;
    file.entry = files.entry(node, node == root_node ? "." : name);
    const OverlayNode& found = files[files[node].content];
    if (found.type == EntryType::file) file.entry.size = found.value;
    const auto has_digest = [&](const RawDigest& digest) { return digest != RawDigest{}; };
    if (!digests_.empty() && has_digest(digests_[files[node].content])) {
      file.content = Digest::of_raw(DigestAlgorithm::sha256, digests_[files[node].content]);
    }
    take(file);
  });
}

void read_image_file(const Call& call, const ImageLayers& image, const LayerReading& reading,
                     std::string_view path, Sink& to) {
  const ImageTree tree(call, image, reading);
  const Overlay& files = tree.files();
  const Node found = files.find(path, Overlay::Last::followed);
  if (found == no_node) {
    throw Error(ErrorKind::not_found, fmt::format("{} has no {}", image.name, printable(path)));
  }
  if (files[found].type != EntryType::file) {
    throw Error(ErrorKind::usage, fmt::format("{} is no file", printable(path)));
  }
  const Node content = files[found].content;
  Picker picker(content, to);
  tree.read(
      call, reading, [&](Node node) { return node == content; }, picker);
}

}  // namespace davit::oci
