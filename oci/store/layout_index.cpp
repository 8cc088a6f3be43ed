#include "oci/store/layout_index.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "oci/base/error.hpp"
#include "oci/model/descriptor_json.hpp"

namespace davit::oci {
namespace {

std::string_view tag_of(const Descriptor& entry) {
  const auto found = entry.annotations.find(ref_name_annotation);
  return found == entry.annotations.end() ? std::string_view() : found->second;
}

/// "1.2" of "docker.io/library/x:1.2"; nothing of what is no full name.
std::string_view tag_in_full_name(std::string_view name) {
  const std::size_t slash = name.rfind('/');
  const std::size_t colon = name.rfind(':');
  if (slash == name.npos || colon == name.npos || colon < slash) return {};
  return name.substr(colon + 1);
}

/// The positions of the entries that are meant.
std::vector<std::size_t> matches(const Index& index, std::string_view wanted) {
  const auto positions = [&](auto&& fits) {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < index.manifests.size(); ++i) {
      if (fits(index.manifests[i])) found.push_back(i);
    }
    return found;
  };
  if (wanted.empty()) {
    const auto tagged = positions([](const Descriptor& entry) { return !tag_of(entry).empty(); });
    return tagged.empty() ? positions([](const Descriptor&) { return true; }) : tagged;
  }
  if (const auto digest = Digest::try_parse(wanted)) {
    return positions([&](const Descriptor& entry) { return entry.digest == *digest; });
  }
  const auto exact = positions([&](const Descriptor& entry) { return tag_of(entry) == wanted; });
  if (!exact.empty()) return exact;
  return positions(
      [&](const Descriptor& entry) { return tag_in_full_name(tag_of(entry)) == wanted; });
}

/// For people: the tags or digests of some entries, the first twenty.
std::string listing(const Index& index, const std::vector<std::size_t>& positions) {
  constexpr std::size_t shown = 20;
  std::string list;
  for (std::size_t i = 0; i < std::min(positions.size(), shown); ++i) {
    const Descriptor& entry = index.manifests[positions[i]];
    if (!list.empty()) list += ", ";
    list += tag_of(entry).empty() ? entry.digest.str() : printable(tag_of(entry));
  }
  if (positions.size() > shown) list += fmt::format(" and {} more", positions.size() - shown);
  return list;
}

/// The text for editing. parse_layout_index has accepted it, so it is an object.
Json editable(std::string_view text, std::string_view what) {
  Json json = parse_json(text, what);
  if (!json["manifests"].is_array()) json["manifests"] = Json::array();
  return json;
}

/// Whether an entry says no more than what with_entry writes without a tag, so that nothing another
/// tool wrote is lost with it.
bool is_bare(const Json& entry) {
  static const std::set<std::string, std::less<>> known = {"mediaType", "digest", "size",
                                                           "platform", "artifactType"};
  return std::all_of(entry.members().begin(), entry.members().end(),
                     [](const Json::Member& member) { return known.contains(member.name); });
}

/// What index.json says of a document. Annotations and embedded data belong to wherever the
/// descriptor came from: another index, another layout.
Json new_entry(const Descriptor& document, std::string_view tag) {
  Descriptor entry{.media_type = document.media_type,
                   .digest = document.digest,
                   .size = document.size,
                   .platform = document.platform,
                   .artifact_type = document.artifact_type};
  if (!tag.empty()) entry.annotations[ref_name_annotation] = tag;
  return json_of(entry);
}

}  // namespace

Index parse_layout_index(std::string_view text, std::string_view what) {
  const std::string name = fmt::format("{}: index.json", what);
  Document document = parse_document({}, text, name);
  if (auto* index = std::get_if<Index>(&document)) return std::move(*index);
  throw Error(ErrorKind::corrupt, name + " is a manifest, not an index");
}

std::optional<Descriptor> find_entry(const Index& index, std::string_view tag_or_digest,
                                     std::string_view what) {
  const std::vector<std::size_t> found = matches(index, tag_or_digest);
  if (found.empty()) return std::nullopt;
  const Descriptor& first = index.manifests[found.front()];
  const bool same = std::all_of(found.begin(), found.end(), [&](std::size_t position) {
    return index.manifests[position].digest == first.digest;
  });
  if (same) return first;
  throw Error(ErrorKind::usage,
              tag_or_digest.empty()
                  ? fmt::format("{} holds several images: {}", what, listing(index, found))
                  : fmt::format("{}: '{}' may be {}", what, printable(tag_or_digest),
                                listing(index, found)),
              "name one by its tag or digest");
}

std::vector<std::string> entry_tags(const Index& index) {
  std::set<std::string, std::less<>> tags;
  for (const Descriptor& entry : index.manifests) {
    if (!tag_of(entry).empty()) tags.emplace(tag_of(entry));
  }
  return {tags.begin(), tags.end()};
}

void check_entry_tag(std::string_view tag) {
  const auto alphanumeric = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  constexpr std::size_t longest = 255;
  const bool valid =
      !tag.empty() && tag.size() <= longest && alphanumeric(tag.front()) &&
      std::all_of(tag.begin(), tag.end(),
                  [&](char c) {
                    return alphanumeric(c) || std::string_view("-._:@+/").find(c) != tag.npos;
                  }) &&
      !Digest::try_parse(tag);
  if (!valid) {
    throw Error(ErrorKind::usage,
                fmt::format("'{}' is not a tag", printable(tag.substr(0, longest))));
  }
}

std::string with_entry(std::string_view text, const Descriptor& document, std::string_view tag,
                       std::span<const Descriptor> children, std::string_view what) {
  const Index index = parse_layout_index(text, what);
  const std::vector<Descriptor>& old = index.manifests;
  const bool listed = std::any_of(old.begin(), old.end(), [&](const Descriptor& entry) {
    return entry.digest == document.digest && (tag.empty() || tag_of(entry) == tag);
  });
  const auto is_child = [&](const Descriptor& entry) {
    return std::any_of(children.begin(), children.end(),
                       [&](const Descriptor& child) { return child.digest == entry.digest; });
  };
  Json json = editable(text, what);
  Json kept = Json::array();
  bool placed = listed;
  for (std::size_t i = 0; i < old.size(); ++i) {
    const bool same = old[i].digest == document.digest;
    const bool moves = !tag.empty() && tag_of(old[i]) == tag && !same;
    const bool superseded =
        (is_child(old[i]) || (same && !tag.empty())) && is_bare(json["manifests"][i]);
    if (!moves && !superseded) {
      kept.push_back(json["manifests"][i]);
    } else if (!placed && (moves || same)) {
      kept.push_back(new_entry(document, tag));
      placed = true;
    }
  }
  if (!placed) kept.push_back(new_entry(document, tag));
  if (kept == json["manifests"]) return std::string(text);
  json["manifests"] = std::move(kept);
  return to_text(json);
}

std::optional<std::string> without_entry(std::string_view text, std::string_view tag_or_digest,
                                         std::string_view what) {
  const std::vector<std::size_t> found = matches(parse_layout_index(text, what), tag_or_digest);
  if (found.empty()) return std::nullopt;
  Json json = editable(text, what);
  for (auto position = found.rbegin(); position != found.rend(); ++position) {
    json["manifests"].erase(*position);
  }
  return to_text(json);
}

std::string new_layout_index() {
  return to_json(Index{.media_type = std::string(media::oci_index)});
}

std::string blob_directory(const Digest& digest) {
  return fmt::format("blobs/{}", digest.algorithm_name());
}

std::string blob_path(const Digest& digest) {
  return fmt::format("{}/{}", blob_directory(digest), digest.hex());
}

void check_layout_version(std::string_view text, std::string_view what) {
  const std::string name = fmt::format("{}: oci-layout", what);
  const std::string version = string_member(parse_json(text, name), "imageLayoutVersion", name);
  if (version == "1.0.0") return;
  throw Error(ErrorKind::corrupt, version.empty()
                                      ? name + " says no imageLayoutVersion"
                                      : fmt::format("{} says version '{}', and only 1.0.0 is known",
                                                    name, printable(version.substr(0, 40))));
}

}  // namespace davit::oci
