#include "tests/support/registry_api.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "oci/base/text.hpp"
#include "oci/model/json.hpp"
#include "oci/model/media_type.hpp"
#include "tests/support/registry_call.hpp"

namespace davit::tests {

using oci::Digest;
using oci::Json;

Answer error_answer(int status, const std::string& code, const std::string& message) {
  Answer answer =
      json_answer(Json{{"errors", Json::array({Json{{"code", code}, {"message", message}}})}});
  answer.status = status;
  return answer;
}

bool struck(const std::vector<Fault>& faults, FaultKind kind) {
  return std::ranges::any_of(faults, [kind](const Fault& fault) { return fault.kind == kind; });
}

std::vector<std::string> RegistryApi::scopes(const Exchange& exchange) {
  const Target target = parse_target(exchange.path());
  if (target.route == Route::catalog) return {"registry:catalog:*"};
  if (target.repository.empty()) return {};
  const std::string& method = exchange.method();
  const char* const actions = method == "GET" || method == "HEAD" ? "pull"
                              : method == "DELETE"                ? "delete"
                                                                  : "pull,push";
  std::vector<std::string> scopes{fmt::format("repository:{}:{}", target.repository, actions)};
  if (const auto from = parameter(parse_parameters(exchange.query()), "from")) {
    scopes.push_back(fmt::format("repository:{}:pull", *from));
  }
  return scopes;
}

Answer RegistryApi::serve(Exchange& exchange, const std::vector<Fault>& faults) {
  const Call call{exchange, faults, parse_target(exchange.path()),
                  parse_parameters(exchange.query())};
  switch (call.target.route) {
    case Route::ping:
      return json_answer(Json::object());
    case Route::catalog:
      return names(call, "repositories", content_.repositories());
    case Route::blob:
      return blob(call);
    case Route::uploads:
      return start_upload(call);
    case Route::upload:
      return upload(call);
    case Route::document:
      return document(call);
    case Route::referrers:
      return referrers(call);
    case Route::tags:
      if (!content_.exists(call.target.repository)) {
        return error_answer(404, "NAME_UNKNOWN", "repository name not known to registry");
      }
      return names(call, "tags", content_.tags(call.target.repository));
    case Route::unknown:
      break;
  }
  return error_answer(404, "NOT_FOUND", "404 page not found");
}

Answer RegistryApi::blob(const Call& call) {
  const auto& [route, repository, reference] = call.target;
  const std::optional<Digest> digest = Digest::try_parse(reference);
  if (!digest) return error_answer(400, "DIGEST_INVALID", "provided digest did not parse");
  const SharedText bytes = content_.blob(repository, *digest);
  if (!bytes) return error_answer(404, "BLOB_UNKNOWN", "blob unknown to registry");
  const std::string& method = call.exchange.method();
  if (method == "GET" || method == "HEAD") return blob_range(call, *digest, bytes);
  if (method != "DELETE") return error_answer(405, "UNSUPPORTED", "not an operation on blobs");
  content_.remove_blob(repository, *digest);
  return Answer{.status = 202};
}

Answer RegistryApi::blob_range(const Call& call, const Digest& digest, const SharedText& bytes) {
  Answer answer{.body = *bytes, .owner = bytes};
  const std::string etag = "\"" + digest.str() + "\"";
  answer.headers = {{"Content-Type", "application/octet-stream"},
                    {"Docker-Content-Digest", digest.str()},
                    {"Accept-Ranges", "bytes"},
                    {"ETag", etag}};
  const std::string wanted = call.exchange.headers().get("Range").value_or("");
  const auto range = wanted.starts_with("bytes=") ? parse_range(wanted.substr(6)) : std::nullopt;
  if (!range || call.exchange.method() == "HEAD" || struck(call.faults, FaultKind::ignore_range) ||
      call.exchange.headers().get("If-Range").value_or(etag) != etag) {
    return answer;
  }
  const std::uint64_t size = bytes->size();
  std::uint64_t first = range->first.value_or(size - std::min(size, range->second.value_or(0)));
  std::uint64_t last =
      range->first ? std::min(range->second.value_or(size - 1), size - 1) : size - 1;
  if (struck(call.faults, FaultKind::wrong_range)) ++first;
  if (first >= size || first > last) {
    Answer refusal = error_answer(416, "RANGE_INVALID", "range not satisfiable");
    refusal.headers.add("Content-Range", fmt::format("bytes */{}", size));
    return refusal;
  }
  answer.status = 206;
  answer.headers.add("Content-Range", fmt::format("bytes {}-{}/{}", first, last, size));
  answer.body = answer.body.substr(first, last - first + 1);
  return answer;
}

Answer RegistryApi::referrers(const Call& call) {
  const auto wanted = parameter(call.query, "artifactType");
  Json manifests = Json::array();
  for (const StoredDocument& document : content_.documents(call.target.repository)) {
    const Json json = oci::parse_json(*document.bytes, "a document");
    if (json["subject"]["digest"] != call.target.reference) continue;
    const Json& own_type = json["artifactType"];
    const Json& shown_type = own_type.is_string() ? own_type : json["config"]["mediaType"];
    const std::string type = shown_type.is_string() ? shown_type.string() : "";
    if (wanted && *wanted != type) continue;
    Json entry{{"mediaType", document.media_type},
               {"digest", document.digest.str()},
               {"size", document.bytes->size()}};
    if (!type.empty()) entry["artifactType"] = type;
    if (json.contains("annotations")) entry["annotations"] = json["annotations"];
    manifests.push_back(std::move(entry));
  }
  const std::string index(oci::media::oci_index);
  Answer answer = json_answer(
      Json{{"schemaVersion", 2}, {"mediaType", index}, {"manifests", manifests}}, index.c_str());
  if (wanted) answer.headers.add("OCI-Filters-Applied", "artifactType");
  return answer;
}

Answer RegistryApi::names(const Call& call, const char* member,
                          const std::vector<std::string>& all) {
  auto begin = all.begin();
  if (const auto last = parameter(call.query, "last")) begin = std::ranges::upper_bound(all, *last);
  std::size_t most = all.size();
  if (options_.page_size > 0) most = options_.page_size;
  if (const auto n = parameter(call.query, "n")) {
    most = std::min<std::size_t>(most, oci::parse_number(*n).value_or(0));
  }
  const std::size_t left = static_cast<std::size_t>(all.end() - begin);
  const std::vector<std::string> page(begin,
                                      begin + static_cast<std::ptrdiff_t>(std::min(most, left)));
  Json json = Json::object();
  if (call.target.route == Route::tags) json["name"] = call.target.repository;
  json[member] = page;
  Answer answer = json_answer(json);
  if (page.size() < left && !page.empty()) {
    answer.headers.add("Link", fmt::format("<{}?n={}&last={}>; rel=\"next\"", call.exchange.path(),
                                           most, page.back()));
  }
  return answer;
}

}  // namespace davit::tests
