#include "src/ops/place.hpp"

#include <fmt/format.h>

#include "oci/base/error.hpp"

namespace davit::app {
namespace {

using oci::Error;
using oci::ErrorKind;

/// Whether it is the name of an image in full, as bundles have them: with a host that cannot be
/// taken for a directory, and a tag or digest.
bool is_full_name(std::string_view text) {
  const std::string_view host = text.substr(0, text.find('/'));
  if (host.size() == text.size()) return false;
  if (host.find_first_of(".:") == host.npos && host != "localhost") return false;
  try {
    const oci::Reference reference = oci::Reference::parse(text);
    return reference.tag || reference.digest;
  } catch (const Error&) {
    return false;
  }
}

/// Where the path ends if the rest is a full name: "apps.bundle" of
/// "apps.bundle:docker.io/library/alpine:3".
std::optional<std::size_t> before_full_name(std::string_view text) {
  for (auto colon = text.find(':'); colon != text.npos; colon = text.find(':', colon + 1)) {
    if (is_full_name(text.substr(colon + 1))) return colon;
  }
  return std::nullopt;
}

/// "PATH", "PATH:TAG", "PATH@DIGEST" or "PATH:FULL_NAME". The words alone decide, never what is on
/// the disk. A path may itself hold colons, since no tag has a slash in it; only what reads as a
/// full name is one.
Place parse_local(Place::Kind kind, std::string_view text) {
  Place place;
  place.kind = kind;
  if (const auto end = before_full_name(text); end && *end > 0) {
    place.path = std::string(text.substr(0, *end));
    place.local_name = text.substr(*end + 1);
    return place;
  }
  std::string_view path = text;
  if (const auto at = text.rfind('@');
      at != std::string_view::npos && oci::Digest::try_parse(text.substr(at + 1))) {
    place.local_name = text.substr(at + 1);
    path = text.substr(0, at);
  } else if (const auto colon = text.rfind(':');
             colon != std::string_view::npos && text.find('/', colon) == std::string_view::npos) {
    place.local_name = text.substr(colon + 1);
    path = text.substr(0, colon);
    if (!oci::is_tag(place.local_name)) {
      throw Error(ErrorKind::usage,
                  fmt::format("'{}' is not a tag", oci::printable(place.local_name)));
    }
  }
  if (path.empty()) {
    throw Error(ErrorKind::usage, fmt::format("'{}' names no path", oci::printable(text)));
  }
  place.path = std::string(path);
  return place;
}

/// "FILE" or "FILE:NAME[:TAG]": the name is the image's in Docker, in full.
Place parse_docker_archive(std::string_view text) {
  Place place;
  place.kind = Place::Kind::docker_archive;
  const auto colon = text.find(':');
  place.path = std::string(text.substr(0, colon));
  if (place.path.empty()) {
    throw Error(ErrorKind::usage, fmt::format("'{}' names no path", oci::printable(text)));
  }
  if (colon != std::string_view::npos) {
    const oci::Reference name = oci::Reference::parse(text.substr(colon + 1));
    if (name.digest) {
      throw Error(ErrorKind::usage, "docker-archive: images are named by tags, not by digests");
    }
    place.local_name = name.name() + ":" + name.tag.value_or("latest");
  }
  return place;
}

}  // namespace

Place Place::parse(std::string_view text) {
  if (text.starts_with("oci:")) return parse_local(Kind::layout, text.substr(4));
  if (text.starts_with("oci-archive:")) return parse_local(Kind::archive, text.substr(12));
  if (text.starts_with("docker-archive:")) return parse_docker_archive(text.substr(15));
  if (text.starts_with("docker://")) text = text.substr(9);
  Place place;
  place.reference = oci::Reference::parse(text);
  return place;
}

std::string Place::identifier() const { return local() ? local_name : reference.identifier(); }

std::string Place::tag() const {
  if (local()) return oci::Digest::try_parse(local_name) ? "" : local_name;
  if (reference.digest) return reference.tag.value_or("");
  return reference.tag.value_or("latest");
}

std::string Place::store_name() const {
  switch (kind) {
    case Kind::layout:
      return "oci:" + path.native();
    case Kind::archive:
      return "oci-archive:" + path.native();
    case Kind::docker_archive:
      return "docker-archive:" + path.native();
    case Kind::registry:
      break;
  }
  return reference.name();
}

}  // namespace davit::app
