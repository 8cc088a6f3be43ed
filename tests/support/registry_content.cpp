#include "tests/support/registry_content.hpp"

#include <fmt/format.h>

#include <utility>

namespace davit::tests {

using oci::Digest;

void RegistryContent::create(const std::string& repository) {
  const std::lock_guard lock(mutex_);
  repositories_[repository];
}

const RegistryContent::Repository* RegistryContent::find(const std::string& repository) const {
  const auto found = repositories_.find(repository);
  return found == repositories_.end() ? nullptr : &found->second;
}

bool RegistryContent::exists(const std::string& repository) const {
  const std::lock_guard lock(mutex_);
  return find(repository) != nullptr;
}

std::vector<std::string> RegistryContent::repositories() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, repository] : repositories_) names.push_back(name);
  return names;
}

Digest RegistryContent::put_blob(const std::string& repository, std::string bytes) {
  const Digest digest = oci::digest_of(oci::bytes_of(bytes));
  put_blob_as(repository, digest, std::move(bytes));
  return digest;
}

void RegistryContent::put_blob_as(const std::string& repository, const Digest& digest,
                                  std::string bytes) {
  auto shared = std::make_shared<const std::string>(std::move(bytes));
  const std::lock_guard lock(mutex_);
  repositories_[repository].blobs[digest] = std::move(shared);
}

SharedText RegistryContent::blob(const std::string& repository, const Digest& digest) const {
  const std::lock_guard lock(mutex_);
  const Repository* const holder = find(repository);
  if (holder == nullptr) return nullptr;
  const auto found = holder->blobs.find(digest);
  return found == holder->blobs.end() ? nullptr : found->second;
}

bool RegistryContent::remove_blob(const std::string& repository, const Digest& digest) {
  const std::lock_guard lock(mutex_);
  const auto holder = repositories_.find(repository);
  return holder != repositories_.end() && holder->second.blobs.erase(digest) > 0;
}

bool RegistryContent::mount(const std::string& from, const std::string& to, const Digest& digest) {
  const SharedText bytes = blob(from, digest);
  if (!bytes) return false;
  const std::lock_guard lock(mutex_);
  repositories_[to].blobs[digest] = bytes;
  return true;
}

void RegistryContent::put_document(const std::string& repository, const std::string& tag,
                                   StoredDocument document) {
  const std::lock_guard lock(mutex_);
  Repository& holder = repositories_[repository];
  if (!tag.empty()) holder.tags[tag] = document.digest;
  holder.documents[document.digest] = std::move(document);
}

std::optional<StoredDocument> RegistryContent::document(const std::string& repository,
                                                        std::string_view reference) const {
  const std::lock_guard lock(mutex_);
  const Repository* const holder = find(repository);
  if (holder == nullptr) return std::nullopt;
  std::optional<Digest> digest = Digest::try_parse(reference);
  if (!digest) {
    const auto tag = holder->tags.find(reference);
    if (tag == holder->tags.end()) return std::nullopt;
    digest = tag->second;
  }
  const auto found = holder->documents.find(*digest);
  if (found == holder->documents.end()) return std::nullopt;
  return found->second;
}

std::vector<StoredDocument> RegistryContent::documents(const std::string& repository) const {
  const std::lock_guard lock(mutex_);
  std::vector<StoredDocument> all;
  if (const Repository* const holder = find(repository)) {
    for (const auto& [digest, document] : holder->documents) all.push_back(document);
  }
  return all;
}

bool RegistryContent::remove_document(const std::string& repository, std::string_view reference) {
  const std::lock_guard lock(mutex_);
  const auto found = repositories_.find(repository);
  if (found == repositories_.end()) return false;
  Repository& holder = found->second;
  const std::optional<Digest> digest = Digest::try_parse(reference);
  if (!digest) return holder.tags.erase(std::string(reference)) > 0;
  std::erase_if(holder.tags, [&](const auto& tag) { return tag.second == *digest; });
  return holder.documents.erase(*digest) > 0;
}

std::vector<std::string> RegistryContent::tags(const std::string& repository) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  if (const Repository* const holder = find(repository)) {
    for (const auto& [tag, digest] : holder->tags) names.push_back(tag);
  }
  return names;
}

std::shared_ptr<UploadSession> RegistryContent::start_upload(const std::string& repository) {
  auto session = std::make_shared<UploadSession>();
  const std::lock_guard lock(mutex_);
  session->id = fmt::format("upload-{}", ++uploads_begun_);
  repositories_[repository].uploads[session->id] = session;
  return session;
}

std::shared_ptr<UploadSession> RegistryContent::upload(const std::string& repository,
                                                       const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const Repository* const holder = find(repository);
  if (holder == nullptr) return nullptr;
  const auto found = holder->uploads.find(id);
  return found == holder->uploads.end() ? nullptr : found->second;
}

bool RegistryContent::end_upload(const std::string& repository, const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto holder = repositories_.find(repository);
  return holder != repositories_.end() && holder->second.uploads.erase(id) > 0;
}

std::size_t RegistryContent::open_uploads() const {
  const std::lock_guard lock(mutex_);
  std::size_t open = 0;
  for (const auto& [name, repository] : repositories_) open += repository.uploads.size();
  return open;
}

}  // namespace davit::tests
