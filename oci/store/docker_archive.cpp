#include "oci/store/docker_archive.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <variant>
#include <vector>

#include "oci/base/error.hpp"
#include "oci/base/limits.hpp"
#include "oci/base/log.hpp"
#include "oci/layer/decompress.hpp"
#include "oci/model/config.hpp"
#include "oci/model/json.hpp"
#include "oci/model/manifest.hpp"
#include "oci/model/reference.hpp"

namespace davit::oci {
namespace {

std::string normal(const std::filesystem::path& path) {
  return path.lexically_normal().generic_string();
}

/// The files with certain names, wherever their names lead in the archive.
class NamedFiles {
 public:
  NamedFiles(const Volumes& file, const std::set<std::string>& names, std::string_view what)
      : what_(what) {
    std::set<std::string> wanted;
    for (const std::string& name : names) wanted.insert(normal(name));
    for (int pass = 0; pass <= archive_link_limit && !wanted.empty(); ++pass) {
      list_entries(file, what, [&](const TarEntry& entry) { take(entry, wanted); });
      std::set<std::string> further;
      for (const std::string& name : wanted) {
        const auto link = links_.find(name);
        if (link != links_.end() && !files_.contains(link->second)) further.insert(link->second);
      }
      wanted = std::move(further);
    }
  }

  const ArchiveMember& at(const std::string& name) const {
    std::string path = normal(name);
    for (int hop = 0; hop <= archive_link_limit; ++hop) {
      if (const auto found = files_.find(path); found != files_.end()) return found->second;
      const auto link = links_.find(path);
      if (link == links_.end()) break;
      path = link->second;
    }
    throw Error(ErrorKind::corrupt, fmt::format("{}: manifest.json names {}, which is not there",
                                                what_, printable(name)));
  }

 private:
  /// As after unpacking, the last of a name is what counts.
  void take(const TarEntry& entry, const std::set<std::string>& wanted) {
    const std::filesystem::path path = normal(entry.path);
    if (!wanted.contains(path)) return;
    files_.erase(path);
    links_.erase(path);
    if (entry.type == EntryType::file) {
      files_[path] = {.offset = entry.data_offset, .size = entry.size};
    } else if (entry.type == EntryType::symlink) {
      links_[path] = normal(path.parent_path() / entry.link_target);
    } else if (entry.type == EntryType::hardlink) {
      links_[path] = normal(entry.link_target);
    }
  }

  const std::string_view what_;
  std::map<std::string, ArchiveMember> files_;
  std::map<std::string, std::string> links_;
};

/// An element of manifest.json.
struct DockerImage {
  std::string config;
  std::vector<std::string> layers;
  std::vector<std::string> names;
};

std::vector<DockerImage> parse_manifest(std::string_view text, std::string_view what) {
  const Json json = parse_json(text, what);
  if (!json.is_array() || json.size() > archive_image_limit) {
    throw Error(ErrorKind::corrupt, fmt::format("{} is not a list of images", what));
  }
  std::vector<DockerImage> images;
  for (const Json& one : json) {
    images.push_back({.config = string_member(one, "Config", what),
                      .layers = strings_member(one, "Layers", what),
                      .names = strings_member(one, "RepoTags", what)});
  }
  return images;
}

class Reading {
 public:
  Reading(const Volumes& file, std::string_view what) : file_(file), what_(what) {}

  DockerArchive run(const std::vector<DockerImage>& images) {
    std::set<std::string> names;
    for (const DockerImage& image : images) {
      names.insert(image.config);
      names.insert(image.layers.begin(), image.layers.end());
    }
    const NamedFiles files(file_, names, what_);
    Index index{.media_type = std::string(media::oci_index),
                .artifact_type = {},
                .manifests = {},
                .subject = std::nullopt,
                .annotations = {}};
    for (const DockerImage& image : images) add(image, files, index);
    result_.index = to_json(index);
    return std::move(result_);
  }

 private:
  void add(const DockerImage& image, const NamedFiles& files, Index& index) {
    const std::string what = fmt::format("{}: {}", what_, printable(image.config));
    const ArchiveMember& config = files.at(image.config);
    const std::string text = read_member(file_, config, what);
    const ImageConfig parsed = parse_config(text, what);
    if (parsed.diff_ids.size() != image.layers.size()) {
      throw Error(ErrorKind::corrupt, fmt::format("{} has {} layers, manifest.json {}", what,
                                                  parsed.diff_ids.size(), image.layers.size()));
    }
    Manifest manifest{.media_type = std::string(media::oci_manifest),
                      .artifact_type = {},
                      .config = describe(media::oci_config, text),
                      .layers = {},
                      .subject = std::nullopt,
                      .annotations = {}};
    result_.blobs[manifest.config.digest] = config;
    for (std::size_t i = 0; i < image.layers.size(); ++i) {
      const ArchiveMember& layer = files.at(image.layers[i]);
      manifest.layers.push_back(describe_layer(layer, parsed.diff_ids[i]));
      result_.blobs[manifest.layers.back().digest] = layer;
    }
    const std::string document = to_json(manifest);
    Descriptor entry = describe(media::oci_manifest, document);
    entry.platform = parsed.platform;
    result_.documents[entry.digest] = document;
    for (const std::string& name : image.names) {
      // In full, as a person's words are: "alpine:3" is "docker.io/library/alpine:3".
      const Reference reference = parse_name(name);
      entry.annotations[ref_name_annotation] =
          reference.name() + ":" + reference.tag.value_or("latest");
      index.manifests.push_back(entry);
    }
    if (image.names.empty()) index.manifests.push_back(entry);
  }

  /// A name that is none is the archive's fault, and no wrong usage.
  Reference parse_name(const std::string& name) const {
    try {
      return Reference::parse(name);
    } catch (const Error& error) {
      throw error.during(fmt::format("{}: RepoTags", what_)).as(ErrorKind::corrupt);
    }
  }

  /// What is not compressed has its diff_id as its digest, which is verified when it is read.
  Descriptor describe_layer(const ArchiveMember& layer, const Digest& diff_id) const {
    StringSink start(magic_size, what_);
    file_.send(layer.offset, std::min<std::uint64_t>(layer.size, magic_size), start, what_);
    Descriptor described{
        .media_type = std::string(media::oci_layer), .digest = diff_id, .size = layer.size};
    const Encoding encoding = sniff(bytes_of(start.text()));
    if (encoding == Encoding::none) return described;
    if (encoding == Encoding::xz) {
      throw Error(ErrorKind::refused,
                  fmt::format("{} has a layer that is compressed with xz", what_));
    }
    described.media_type =
        encoding == Encoding::gzip ? media::oci_layer_gzip : media::oci_layer_zstd;
    Hasher hasher;
    file_.send(layer.offset, layer.size, hasher, what_);
    described.digest = hasher.finish();
    return described;
  }

  const Volumes& file_;
  const std::string_view what_;
  DockerArchive result_;
};

}  // namespace

DockerArchive read_docker_archive(const Volumes& file, const ArchiveMember& manifest,
                                  std::string_view what) {
  const std::string name = fmt::format("{}: manifest.json", what);
  log(LogLevel::warning,
      fmt::format("{} has no manifests, as docker save left them out before version 25: they are "
                  "made anew, and have other digests than in a registry",
                  what));
  return Reading(file, what).run(parse_manifest(read_member(file, manifest, name), name));
}

}  // namespace davit::oci
