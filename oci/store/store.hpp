#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "oci/base/error.hpp"
#include "oci/base/stream.hpp"
#include "oci/model/descriptor.hpp"
#include "oci/store/assembly.hpp"

namespace davit::oci {

/// Where content is that another repository may take over without moving it.
struct MountSource {
  std::string origin;      ///< "https://registry.example:443": only within one it can be
  std::string repository;  ///< "team/app"
};

/// What holds the blobs and documents of one repository: in a registry, an OCI layout, an archive,
/// memory. Members may be called from several threads at once. Errors name the store and the
/// content. Every member is said by every store: what wraps one is a ForwardingStore.
struct Store {
  virtual ~Store() = default;

  /// As a person writes it: "registry.example/team/app", "oci:dir".
  virtual std::string name() const = 0;

  virtual bool has(const Call& call, const Descriptor& content) = 0;

  /// Writes the content into the sink, its size and digest verified while it streams. The sink
  /// may have taken bytes before an Error(corrupt). Error(not_found) if it is not there.
  virtual void fetch(const Call& call, const Descriptor& content, Sink& into) = 0;

  /// Writes `part` of a blob into the sink, not verified: who puts the parts together verifies the
  /// whole. False, and nothing was written, where the store gives a blob only as a whole.
  virtual bool fetch_part(const Call& call, const Descriptor& content, const Part& part,
                          Sink& into) = 0;

  /// A blob to be stored by its parts, in any order, which keeps those that came for a later try.
  /// Null where a store takes content only from its beginning to its end, where that is as good,
  /// or where somebody else is at this blob.
  virtual std::unique_ptr<Assembly> assemble(const Call& call, const Descriptor& content) = 0;

  /// Stores content whose digest is known; what does not match it is Error(corrupt) and leaves
  /// nothing. `content` may be called more than once. Documents are stored without a tag; what
  /// they refer to is there before.
  virtual void push(const Call& call, const Descriptor& descriptor, const Content& content) = 0;

  /// Stores a blob whose digest is not known before its end, and says it. `content` may be called
  /// more than once, and writes the same bytes each time.
  virtual Descriptor add(const Call& call, std::string_view media_type, const Content& content) = 0;

  /// The document with this tag or digest; nothing if there is none.
  virtual std::optional<Descriptor> resolve(const Call& call, std::string_view tag_or_digest) = 0;

  /// Stores a document under a tag, which moves if it was elsewhere.
  virtual void tag(const Call& call, const Descriptor& descriptor, const Content& document,
                   std::string_view tag) = 0;

  virtual std::vector<std::string> tags(const Call& call) = 0;

  /// What refers to a document as its subject (distribution-spec, "Listing Referrers").
  virtual std::vector<Descriptor> referrers(const Call& call, const Digest& subject) = 0;

  /// Removes a tag, or a document by its digest. Error(not_found) if there is none.
  virtual void remove(const Call& call, std::string_view tag_or_digest) = 0;

  /// Whether having a document means having all that it refers to. A registry takes no document
  /// whose content is missing, and keeps that content; files in a directory may have gone.
  virtual bool keeps_references() const = 0;

  /// Where another repository of the same registry can take content over from; nothing where that
  /// cannot be.
  virtual std::optional<MountSource> mount_source() const = 0;

  /// Takes content over without moving it; false where that cannot be.
  virtual bool mount(const Call& call, const Descriptor& content, const MountSource& from) = 0;

  /// What is going to be pushed, in this order, all of it: a store that lays content out in a row
  /// keeps the places, so that its bytes do not depend on which transfer is faster. Others may ask
  /// for all of it at once.
  virtual void expect(const Call& call, std::span<const Descriptor> content) = 0;

  /// Makes what was stored visible, in stores that do so at once for everything (an archive).
  virtual void commit(const Call& call) = 0;
};

/// The content of a descriptor in a store, for another store to take.
inline Content content_in(Store& store, const Descriptor& descriptor) {
  return
      [&store, descriptor](const Call& call, Sink& sink) { store.fetch(call, descriptor, sink); };
}

/// A document's bytes. Error(corrupt) if it is larger than document_limit.
std::string fetch_document(const Call& call, Store& store, const Descriptor& descriptor);

/// Like resolve, but absence is Error(not_found).
Descriptor require(const Call& call, Store& store, std::string_view tag_or_digest);

}  // namespace davit::oci
