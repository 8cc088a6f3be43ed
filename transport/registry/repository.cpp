#include "transport/registry/repository.hpp"

#include <fmt/format.h>

#include <atomic>
#include <map>
#include <mutex>

#include "oci/base/log.hpp"
#include "oci/base/text.hpp"
#include "oci/model/descriptor_json.hpp"
#include "oci/model/manifest.hpp"
#include "transport/registry/failure.hpp"
#include "transport/registry/pages.hpp"
#include "transport/registry/upload.hpp"

namespace davit::transport {
namespace {

using oci::Content;
using oci::Descriptor;
using oci::Digest;
using oci::Error;
using oci::ErrorKind;

/// All of them, or a registry may translate what it has into another format (ECR does).
std::string accepted_documents() {
  return fmt::format("{}, {}, {}, {}", oci::media::oci_index, oci::media::oci_manifest,
                     oci::media::docker_list, oci::media::docker_manifest);
}

Url url_of(const Origin& origin, std::string path) {
  Url url;
  url.origin = origin;
  url.path = std::move(path);
  return url;
}

/// The names in a page of a list, each made sure to be a string.
void append_names(const Response& response, const char* key, std::string_view what,
                  std::vector<std::string>& names) {
  const auto page = oci::strings_member(oci::parse_json(response.body, what), key, what);
  names.insert(names.end(), page.begin(), page.end());
}

/// Declines a whole answer where a part was asked for.
class PartOnly final : public Receiver {
 public:
  explicit PartOnly(oci::Sink& to) : to_(to) {}
  bool begin(const Response& response) override { return response.status == 206; }
  void write(oci::Bytes bytes) override { to_.write(bytes); }

 private:
  oci::Sink& to_;
};

class Repository final : public oci::Store {
 public:
  Repository(Transport& transport, RepositoryPlace place, RetryOptions retry)
      : transport_(transport),
        place_(std::move(place)),
        pull_(fmt::format("repository:{}:pull", place_.repository)),
        push_(fmt::format("repository:{}:pull,push", place_.repository)),
        uploader_({transport, url("/blobs/"), {push_}}, place_.chunk_size, std::move(retry)) {}

  std::string name() const override { return place_.registry + "/" + place_.repository; }

  bool has(const oci::Call& call, const Descriptor& content) override {
    Request request = ask("HEAD", content_path(content), pull_or_push());
    if (is_document(content)) request.headers.set("Accept", content.media_type);
    const Response response = transport_.send(call, request);
    if (response.ok()) return true;
    if (response.status == 404) return false;
    throw failure(response, fmt::format("looking for {}", content.digest.str()));
  }

  void fetch(const oci::Call& call, const Descriptor& content, oci::Sink& into) override {
    oci::Verifier verifier(content, into);
    const std::string what = fmt::format("{}@{}", name(), content.digest.str());
    Request request = ask("GET", content_path(content), pull_);
    Response response;
    if (is_document(content)) {
      request.headers.set("Accept", content.media_type);
      response = transport_.send(call, request);
      if (response.ok()) oci::doing(what, [&] { verifier.write(oci::bytes_of(response.body)); });
    } else {
      request.resumable = true;
      Into receiver(verifier);
      response = transport_.send(call, request, &receiver);
    }
    if (!response.ok()) throw failure(response, what);
    oci::doing(what, [&] { verifier.finish(); });
  }

  bool fetch_part(const oci::Call& call, const Descriptor& content, const oci::Part& part,
                  oci::Sink& into) override {
    if (!gives_parts_) return false;
    const std::string what = fmt::format("{}@{}", name(), content.digest.str());
    Request request = ask("GET", content_path(content), pull_);
    request.resumable = true;
    request.range = {part.offset, part.size};
    PartOnly receiver(into);
    const Response response = transport_.send(call, request, &receiver);
    if (response.ok() && !response.declined) return true;
    // Some servers know no ranges and send the whole; what stands in between may know none, and
    // say so.
    if (!response.declined && response.status != 416 && response.status != 501) {
      throw failure(response, what);
    }
    gives_parts_ = false;
    return false;
  }

  void push(const oci::Call& call, const Descriptor& descriptor, const Content& content) override {
    pushes();
    if (is_document(descriptor))
      return put_document(call, descriptor, content, descriptor.digest.str());
    uploader_.push(call, descriptor, content, take_session(descriptor.digest));
  }

  Descriptor add(const oci::Call& call, std::string_view media_type,
                 const Content& content) override {
    pushes();
    return uploader_.add(call, media_type, content);
  }

  std::optional<Descriptor> resolve(const oci::Call& call,
                                    std::string_view tag_or_digest) override {
    Request request = ask("HEAD", fmt::format("/manifests/{}", tag_or_digest), pull_or_push());
    request.headers.set("Accept", accepted_documents());
    const Response response = transport_.send(call, request);
    if (response.status == 404) return std::nullopt;
    if (response.ok()) {
      if (auto descriptor = described(response, tag_or_digest)) return descriptor;
    }
    // What is only for now was waited for already.
    if (is_temporary(response.status)) throw failure(response, named(tag_or_digest));
    // A refused HEAD has no body to say why, and some registries leave out what it should tell.
    return resolve_by_get(call, std::move(request), tag_or_digest);
  }

  void tag(const oci::Call& call, const Descriptor& descriptor, const Content& document,
           std::string_view tag) override {
    pushes();
    try {
      put_document(call, descriptor, document, tag);
    } catch (const Error& error) {
      // Doing a thing twice is success, and ECR refuses even the same digest under its tag.
      if (error.kind() != ErrorKind::refused) throw;
      const auto present = resolve(call, tag);
      if (!present || present->digest != descriptor.digest) throw;
    }
  }

  std::vector<std::string> tags(const oci::Call& call) override {
    std::vector<std::string> names;
    const std::string what = fmt::format("listing the tags of {}", name());
    Request request = ask("GET", "/tags/list", pull_);
    request.url.add_query("n", "1000");
    const bool found =
        each_page(call, transport_, std::move(request), what,
                  [&](const Response& page) { append_names(page, "tags", what, names); });
    if (!found) throw Error(ErrorKind::not_found, fmt::format("{} does not exist", name()));
    return names;
  }

  std::vector<Descriptor> referrers(const oci::Call& call, const Digest& subject) override {
    std::vector<Descriptor> list;
    const std::string what = fmt::format("the referrers of {}@{}", name(), subject.str());
    const auto append = [&](std::string_view body) {
      const oci::Document document = oci::parse_document(oci::media::oci_index, body, what);
      const auto& found = std::get<oci::Index>(document).manifests;
      list.insert(list.end(), found.begin(), found.end());
    };
    const bool supported =
        each_page(call, transport_, ask("GET", fmt::format("/referrers/{}", subject.str()), pull_),
                  what, [&](const Response& page) { append(page.body); });
    if (supported) return list;
    // distribution-spec, "Referrers Tag Schema": where the API is missing, an index under a tag.
    const auto fallback =
        resolve(call, fmt::format("{}-{}", subject.algorithm_name(), subject.hex()));
    if (fallback) append(oci::fetch_document(call, *this, *fallback));
    return list;
  }

  void remove(const oci::Call& call, std::string_view tag_or_digest) override {
    const std::string what = fmt::format("deleting {}", named(tag_or_digest));
    const Response response =
        transport_.send(call, ask("DELETE", fmt::format("/manifests/{}", tag_or_digest),
                                  fmt::format("repository:{}:delete,pull", place_.repository)));
    if (response.ok()) return;
    const Error error = failure(response, what);
    const bool by_tag = tag_or_digest.find(':') == std::string_view::npos;
    if (response.status == 405 || (by_tag && response.status == 400)) {
      if (by_tag) throw Error(error.kind(), error.what(), oci::Advice::delete_by_digest);
      throw Error(error.kind(), error.what(), "deleting is switched off in this registry");
    }
    throw error;
  }

  bool keeps_references() const override { return true; }

  std::optional<oci::MountSource> mount_source() const override {
    return oci::MountSource{place_.origin.str(), place_.repository};
  }

  bool mount(const oci::Call& call, const Descriptor& content,
             const oci::MountSource& from) override {
    if (from.origin != place_.origin.str() || from.repository == place_.repository) return false;
    pushes();
    Request request = ask("POST", "/blobs/uploads/", push_);
    request.scopes.push_back(fmt::format("repository:{}:pull", from.repository));
    request.url.add_query("mount", content.digest.str());
    request.url.add_query("from", from.repository);
    request.headers.set("Content-Length", "0");
    try {
      const Response response = transport_.send(call, request);
      if (response.status == 201) return true;
      // 202: no mount, but the upload that the content now needs has been begun.
      if (response.status == 202) {
        keep_session(content.digest, upload_location(response, "mounting"));
      }
    } catch (const Error& error) {
      // A token for both repositories may be denied where one for the target alone is not.
      if (error.kind() != ErrorKind::denied) throw;
    }
    oci::log(oci::LogLevel::info, fmt::format("{} does not mount {} from {}", name(),
                                              content.digest.str(), from.repository));
    return false;
  }

  // A registry puts blobs together itself, is asked for each blob, and shows all at once.
  std::unique_ptr<oci::Assembly> assemble(const oci::Call&, const Descriptor&) override {
    return nullptr;
  }
  void expect(const oci::Call&, std::span<const Descriptor>) override {}
  void commit(const oci::Call&) override {}

 private:
  Url url(std::string_view path) const {
    return url_of(place_.origin, fmt::format("/v2/{}{}", place_.repository, path));
  }

  Request ask(std::string method, std::string_view path, std::string scope) const {
    Request request;
    request.method = std::move(method);
    request.url = url(path);
    request.scopes = {std::move(scope)};
    return request;
  }

  /// Documents stand under /manifests/, all else under /blobs/.
  static bool is_document(const Descriptor& content) {
    return oci::is_document(content.media_type);
  }
  static std::string content_path(const Descriptor& content) {
    return fmt::format("/{}/{}", is_document(content) ? "manifests" : "blobs",
                       content.digest.str());
  }

  std::string named(std::string_view tag_or_digest) const {
    const bool digest = tag_or_digest.find(':') != std::string_view::npos;
    return fmt::format("{}{}{}", name(), digest ? '@' : ':', tag_or_digest);
  }

  /// Once something is pushed here, questions use the same token as the pushes.
  void pushes() {
    const std::lock_guard lock(mutex_);
    pushes_ = true;
  }
  std::string pull_or_push() {
    const std::lock_guard lock(mutex_);
    return pushes_ ? push_ : pull_;
  }

  void keep_session(const Digest& digest, Hop session) {
    const std::lock_guard lock(mutex_);
    sessions_.insert_or_assign(digest, std::move(session));
  }
  std::optional<Hop> take_session(const Digest& digest) {
    const std::lock_guard lock(mutex_);
    auto node = sessions_.extract(digest);
    if (node.empty()) return std::nullopt;
    return std::move(node.mapped());
  }

  void put_document(const oci::Call& call, const Descriptor& descriptor, const Content& content,
                    std::string_view reference) {
    const std::string what = fmt::format("pushing {}", named(reference));
    Request request = ask("PUT", fmt::format("/manifests/{}", reference), push_);
    request.headers.set("Content-Type", descriptor.media_type);
    request.body = Body{content, descriptor.size};
    const Response response = transport_.send(call, request);
    if (!response.ok()) throw failure(response, what);
    const auto stored = response.headers.get("Docker-Content-Digest");
    if (stored && Digest::try_parse(*stored) != descriptor.digest) {
      throw Error(ErrorKind::corrupt,
                  fmt::format("{}: the registry stored {} instead of {}", what,
                              oci::printable(*stored), descriptor.digest.str()));
    }
  }

  /// What a HEAD's headers say of a document. Evidence enough to ask for it by that digest, where
  /// its bytes are held against it.
  std::optional<Descriptor> described(const Response& response, std::string_view reference) const {
    const auto type = response.headers.get("Content-Type");
    const auto digest =
        Digest::try_parse(response.headers.get("Docker-Content-Digest").value_or(""));
    const auto size = oci::parse_number(response.headers.get("Content-Length").value_or(""));
    if (!type || !digest || !size || *size == 0) return std::nullopt;
    const auto media_type = oci::without_parameters(*type);
    if (!oci::is_document(media_type)) return std::nullopt;
    // Asked for by digest, another digest in the answer is another algorithm's, or a lie.
    if (const auto asked = Digest::try_parse(reference); asked && *asked != *digest) {
      return std::nullopt;
    }
    return Descriptor{.media_type = std::string(media_type), .digest = *digest, .size = *size};
  }

  std::optional<Descriptor> resolve_by_get(const oci::Call& call, Request request,
                                           std::string_view reference) {
    const std::string what = named(reference);
    request.method = "GET";
    const Response response = transport_.send(call, request);
    if (response.status == 404) return std::nullopt;
    if (!response.ok()) throw failure(response, what);
    const std::string type(
        oci::without_parameters(response.headers.get("Content-Type").value_or("")));
    if (type == "text/html") {
      throw Error(ErrorKind::failed,
                  fmt::format("{}: {} answered a web page: it is not a registry, or a proxy "
                              "stands before it",
                              what, response.url.origin.host));
    }
    Descriptor descriptor =
        oci::describe(oci::is_document(type) ? type : oci::document_media_type(response.body, what),
                      response.body);
    if (const auto asked = Digest::try_parse(reference)) {
      descriptor.digest = oci::digest_of(oci::bytes_of(response.body), asked->algorithm());
      if (descriptor.digest != *asked) {
        throw Error(ErrorKind::corrupt, fmt::format("{}: the registry sent content with digest {}",
                                                    what, descriptor.digest.str()));
      }
    }
    return descriptor;
  }

  Transport& transport_;
  const RepositoryPlace place_;
  const std::string pull_;
  const std::string push_;
  Uploader uploader_;
  std::mutex mutex_;
  bool pushes_ = false;
  std::map<Digest, Hop> sessions_;
  std::atomic<bool> gives_parts_ = true;  // until it answers a range with the whole
};

}  // namespace

std::unique_ptr<oci::Store> make_repository(Transport& transport, RepositoryPlace place,
                                            RetryOptions retry) {
  return std::make_unique<Repository>(transport, std::move(place), std::move(retry));
}

std::vector<std::string> catalog(const oci::Call& call, Transport& transport,
                                 const Origin& origin) {
  std::vector<std::string> names;
  const std::string what = fmt::format("listing the repositories of {}", origin.str());
  Request request;
  request.url = url_of(origin, "/v2/_catalog");
  request.url.add_query("n", "1000");
  request.scopes = {"registry:catalog:*"};
  const bool found =
      each_page(call, transport, std::move(request), what,
                [&](const Response& page) { append_names(page, "repositories", what, names); });
  if (!found) {
    throw Error(ErrorKind::not_found,
                fmt::format("{} does not list its repositories", origin.host));
  }
  return names;
}

}  // namespace davit::transport
