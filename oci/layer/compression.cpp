#include "oci/layer/compression.hpp"

#include <fmt/format.h>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/base/text.hpp"

namespace davit::oci {
namespace {

/// A number of at most two digits and nothing else, within 1 to `greatest`.
std::optional<int> parse_level(std::string_view text, int greatest) {
  const auto level = parse_number(text, static_cast<std::uint64_t>(greatest));
  if (!level || *level < 1 || text.size() > 2) return std::nullopt;
  return static_cast<int>(*level);
}

}  // namespace

Compression Compression::parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  if (colon == std::string_view::npos) {
    if (name == "gzip") return {LayerFormat::gzip, 0};
    if (name == "zstd") return {LayerFormat::zstd, 0};
    if (name == "none") return {LayerFormat::tar, 0};
  } else if (name == "gzip" || name == "zstd") {
    const bool gzip = name == "gzip";
    if (const auto level = parse_level(text.substr(colon + 1), gzip ? 9 : 22)) {
      return {gzip ? LayerFormat::gzip : LayerFormat::zstd, *level};
    }
  }
  throw Error(ErrorKind::usage, fmt::format("'{}' is not a compression", printable(text)),
              "choose gzip, gzip:1 to gzip:9, zstd, zstd:1 to zstd:22, or none");
}

std::string_view Compression::media_type() const {
  switch (format_) {
    case LayerFormat::gzip:
      return media::oci_layer_gzip;
    case LayerFormat::zstd:
      return media::oci_layer_zstd;
    case LayerFormat::tar:
      break;
  }
  return media::oci_layer;
}

std::string Compression::str() const {
  if (format_ == LayerFormat::tar) return "none";
  const std::string_view name = format_ == LayerFormat::gzip ? "gzip" : "zstd";
  return level_ == 0 ? std::string(name) : fmt::format("{}:{}", name, level_);
}

}  // namespace davit::oci
