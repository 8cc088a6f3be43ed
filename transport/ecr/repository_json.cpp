#include "transport/ecr/repository_json.hpp"

#include "transport/ecr/calls.hpp"

namespace davit::transport::ecr {

using oci::Json;

RepositoryInfo parse_repository(const Json& json, std::string_view what) {
  RepositoryInfo repository;
  repository.name = oci::string_member(json, "repositoryName", what);
  repository.uri = oci::string_member(json, "repositoryUri", what);
  repository.arn = oci::string_member(json, "repositoryArn", what);
  repository.created = number_member(json, "createdAt");
  repository.mutability = oci::string_member(json, "imageTagMutability", what);
  for (const Json& filter : oci::array_member(json, "imageTagMutabilityExclusionFilters", what)) {
    if (filter.is_object()) {
      repository.exclusions.push_back(oci::string_member(filter, "filter", what));
    }
  }
  repository.scan_on_push =
      flag_member(oci::object_member(json, "imageScanningConfiguration", what), "scanOnPush");
  const Json& encryption = oci::object_member(json, "encryptionConfiguration", what);
  repository.encryption = oci::string_member(encryption, "encryptionType", what);
  repository.kms_key = oci::string_member(encryption, "kmsKey", what);
  return repository;
}

Json mutability_input(const RepositorySettings& settings) {
  Json input = Json::object();
  if (settings.mutability) input["imageTagMutability"] = *settings.mutability;
  if (!settings.exclusions.empty()) {
    Json filters = Json::array();
    for (const std::string& pattern : settings.exclusions) {
      filters.push_back(Json{{"filterType", "WILDCARD"}, {"filter", pattern}});
    }
    input["imageTagMutabilityExclusionFilters"] = std::move(filters);
  }
  return input;
}

Json tag_list(const std::map<std::string, std::string>& tags) {
  Json list = Json::array();
  for (const auto& [key, value] : tags) list.push_back(Json{{"Key", key}, {"Value", value}});
  return list;
}

}  // namespace davit::transport::ecr
