#include "src/ops/ecr_place.hpp"

#include <fmt/format.h>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/model/reference.hpp"

namespace davit::app {
namespace {

using oci::Error;
using oci::ErrorKind;

ecr::Host configured(const std::string& region, ecr::Access& access) {
  ecr::Host host;
  host.region = region.empty() ? access.region() : region;
  if (host.region.empty()) {
    throw Error(ErrorKind::usage, "which region of ECR?", oci::Advice::choose_aws_region);
  }
  return host;
}

}  // namespace

ecr::Place parse_ecr_place(std::string_view text, const std::string& region, ecr::Access& access) {
  if (text.starts_with("docker://")) text.remove_prefix(9);
  ecr::Place place;
  const auto slash = text.find('/');
  const std::string_view first = text.substr(0, slash);
  if (const auto host = ecr::parse_host(first); host && slash != std::string_view::npos) {
    place.host = *host;
    text.remove_prefix(slash + 1);
  } else if (slash != std::string_view::npos && first.find_first_of(".:") != first.npos &&
             !oci::is_repository(text.substr(0, text.find_first_of(":@")))) {
    throw Error(ErrorKind::usage, fmt::format("{} is no registry of ECR", oci::printable(first)));
  } else {
    place.host = configured(region, access);
  }
  const oci::Reference reference = oci::Reference::parse("ecr.invalid/" + std::string(text));
  place.name = reference.repository;
  if (place.host.is_public) {
    // ALIAS/NAME: the API wants them apart.
    const auto alias = place.name.find('/');
    if (alias == std::string::npos) {
      throw Error(ErrorKind::usage, fmt::format("{} names no repository of ECR Public", place.name),
                  "public.ecr.aws/ALIAS/NAME");
    }
    place.host.account = place.name.substr(0, alias);
    place.name = place.name.substr(alias + 1);
  }
  place.tag = reference.tag;
  place.digest = reference.digest;
  return place;
}

ecr::Host parse_ecr_registry(std::string_view text, const std::string& region,
                             ecr::Access& access) {
  if (text.empty()) return configured(region, access);
  const auto host = ecr::parse_host(text);
  if (host) return *host;
  throw Error(ErrorKind::usage, fmt::format("{} is no registry of ECR", oci::printable(text)),
              "ACCOUNT.dkr.ecr.REGION.amazonaws.com, or public.ecr.aws");
}

}  // namespace davit::app
