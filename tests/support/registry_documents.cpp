// Manifests and indexes (distribution-spec, "Pulling manifests", "Pushing Manifests").

#include <fmt/format.h>

#include <algorithm>
#include <regex>

#include "oci/model/json.hpp"
#include "oci/model/media_type.hpp"
#include "tests/support/registry_call.hpp"

namespace davit::tests {
namespace {

using oci::Digest;
using oci::Json;

constexpr std::size_t document_limit = 4 * 1024 * 1024;

bool accepts(const Exchange& exchange, const std::string& media_type) {
  const std::vector<std::string> accepted = exchange.headers().all("Accept");
  return accepted.empty() || std::ranges::any_of(accepted, [&](const std::string& value) {
           return value.find(media_type) != std::string::npos ||
                  value.find("*/*") != std::string::npos;
         });
}

}  // namespace

Answer RegistryApi::document(const Call& call) {
  const auto& [route, repository, reference] = call.target;
  const std::string& method = call.exchange.method();
  if (method == "PUT") return put_document(call);
  if (method == "DELETE") {
    return content_.remove_document(repository, reference)
               ? Answer{.status = 202}
               : error_answer(404, "MANIFEST_UNKNOWN", "manifest unknown");
  }
  const std::optional<StoredDocument> found = content_.document(repository, reference);
  if (!found) return error_answer(404, "MANIFEST_UNKNOWN", "Requested image not found");
  if (!accepts(call.exchange, found->media_type)) {
    return error_answer(404, "MANIFEST_UNKNOWN",
                        "manifest found, but accept header does not support its type");
  }
  Answer answer{.body = *found->bytes, .owner = found->bytes};
  answer.headers = {{"Content-Type", found->media_type},
                    {"Docker-Content-Digest", found->digest.str()}};
  return answer;
}

std::optional<Answer> RegistryApi::missing_child(const Call& call, const Json& json) const {
  const std::string& repository = call.target.repository;
  const auto refuse = [](const std::string& digest) {
    return error_answer(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry: " + digest);
  };
  constexpr std::string_view what = "a manifest";
  for (const Json& child : oci::array_member(json, "manifests", what)) {
    const std::string digest = oci::string_member(child, "digest", what);
    if (!content_.document(repository, digest)) return refuse(digest);
  }
  Json blobs = oci::array_member(json, "layers", what);
  if (const Json* config = json.find("config")) blobs.push_back(*config);
  for (const Json& child : blobs) {
    const std::string digest = oci::string_member(child, "digest", what);
    if (oci::is_nondistributable(oci::string_member(child, "mediaType", what))) continue;
    if (!content_.blob(repository, Digest::parse(digest))) return refuse(digest);
  }
  return std::nullopt;
}

Answer RegistryApi::put_document(const Call& call) {
  const auto& [route, repository, reference] = call.target;
  if (options_.creation == Creation::beforehand && !content_.exists(repository)) {
    return error_answer(404, "NAME_UNKNOWN", "repository name not known to registry");
  }
  if (call.exchange.announced_body().value_or(0) > document_limit) {
    return error_answer(413, "SIZE_INVALID", "manifest is larger than 4 MiB");
  }
  const std::string bytes = call.exchange.read_all();
  const std::string type(
      oci::without_parameters(call.exchange.headers().get("Content-Type").value_or("")));
  Json json;
  try {
    json = oci::parse_json(bytes, "the manifest");
    const Json* own_type = json.find("mediaType");
    if (!json.is_object() || (own_type != nullptr && *own_type != type) ||
        (json.contains("manifests") && json.contains("layers"))) {
      return error_answer(400, "MANIFEST_INVALID", "manifest invalid");
    }
    if (auto refusal = missing_child(call, json)) return *std::move(refusal);
  } catch (const std::exception& error) {
    return error_answer(400, "MANIFEST_INVALID", error.what());
  }

  const std::optional<Digest> by_digest = Digest::try_parse(reference);
  static const std::regex tag("[A-Za-z0-9_][A-Za-z0-9._-]{0,127}");
  if (!by_digest && !std::regex_match(reference, tag)) {
    return error_answer(400, "TAG_INVALID", "manifest tag did not match URI");
  }
  const Digest digest = oci::digest_of(
      oci::bytes_of(bytes), by_digest ? by_digest->algorithm() : oci::DigestAlgorithm::sha256);
  if (by_digest && *by_digest != digest) {
    return error_answer(400, "DIGEST_INVALID", "provided digest did not match uploaded content");
  }
  if (!by_digest && options_.tags == Tags::immutable && content_.document(repository, reference)) {
    return error_answer(
        400, "TAG_INVALID",
        fmt::format("The image tag '{}' already exists in the '{}' repository and cannot be "
                    "overwritten because the tag is immutable.",
                    reference, repository));
  }
  content_.put_document(repository, by_digest ? "" : reference,
                        {type, digest, std::make_shared<const std::string>(bytes)});
  Answer answer = with_location(201, fmt::format("/v2/{}/manifests/{}", repository, digest.str()));
  answer.headers.add("Docker-Content-Digest", digest.str());
  if (const Json* subject = json.find("subject")) {
    answer.headers.add("OCI-Subject", oci::string_member(*subject, "digest", "the subject"));
  }
  return answer;
}

}  // namespace davit::tests
