#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "oci/model/digest.hpp"

namespace davit::tests {

using SharedText = std::shared_ptr<const std::string>;

/// A manifest or index as it was put.
struct StoredDocument {
  std::string media_type;
  oci::Digest digest;
  SharedText bytes;
};

/// An upload session. Its mutex guards what stands below it.
struct UploadSession {
  std::string id;
  std::mutex mutex;
  std::string bytes;
  std::uint64_t first_chunk = 0;  ///< bytes received when the first chunk was complete
  std::uint64_t last_chunk = 0;   ///< size of the last chunk
};

/// What a registry holds, in memory. It checks nothing but keeps what it is told, so that tests can
/// store what a registry should never have taken. Thread-safe.
class RegistryContent {
 public:
  void create(const std::string& repository);
  bool exists(const std::string& repository) const;
  std::vector<std::string> repositories() const;

  oci::Digest put_blob(const std::string& repository, std::string bytes);
  /// Under a digest that need not be its own.
  void put_blob_as(const std::string& repository, const oci::Digest& digest, std::string bytes);
  /// Nothing if the repository does not have it.
  SharedText blob(const std::string& repository, const oci::Digest& digest) const;
  bool remove_blob(const std::string& repository, const oci::Digest& digest);
  bool mount(const std::string& from, const std::string& to, const oci::Digest& digest);

  /// `tag` may be empty.
  void put_document(const std::string& repository, const std::string& tag, StoredDocument document);
  /// By tag or digest.
  std::optional<StoredDocument> document(const std::string& repository,
                                         std::string_view reference) const;
  std::vector<StoredDocument> documents(const std::string& repository) const;
  /// A tag, or a document with all its tags.
  bool remove_document(const std::string& repository, std::string_view reference);
  std::vector<std::string> tags(const std::string& repository) const;

  std::shared_ptr<UploadSession> start_upload(const std::string& repository);
  std::shared_ptr<UploadSession> upload(const std::string& repository, const std::string& id) const;
  bool end_upload(const std::string& repository, const std::string& id);
  std::size_t open_uploads() const;

 private:
  struct Repository {
    std::map<oci::Digest, SharedText> blobs;
    std::map<oci::Digest, StoredDocument> documents;
    std::map<std::string, oci::Digest, std::less<>> tags;
    std::map<std::string, std::shared_ptr<UploadSession>> uploads;
  };
  const Repository* find(const std::string& repository) const;

  mutable std::mutex mutex_;
  std::map<std::string, Repository> repositories_;
  std::uint64_t uploads_begun_ = 0;
};

}  // namespace davit::tests
