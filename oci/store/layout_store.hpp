#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "oci/store/store.hpp"

namespace davit::oci {

/// Where the files of an image layout are: in a directory, in a tar, in memory. Members may be
/// called from several threads at once. `name` is the store's, for errors.
struct LayoutFiles {
  virtual ~LayoutFiles() = default;
  virtual std::string name() const = 0;

  /// The size of a blob; nothing if it is not there.
  virtual std::optional<std::uint64_t> blob_size(const Digest& digest) = 0;
  /// Whether a blob is there and need not be written. What can be damaged and mended is verified:
  /// a damaged blob is not there.
  virtual bool has(const Call& call, const Digest& digest, std::uint64_t size) = 0;
  /// A blob as it lies there, not verified. Error(not_found) if it is not there.
  virtual void read_blob(const Call& call, const Digest& digest, Sink& into) = 0;

  /// Stores what `content` writes, which checks itself: it writes `size` bytes that have this
  /// digest, or throws. Then nothing remains, and what was there before stays.
  virtual void write_blob(const Call& call, const Digest& digest, std::uint64_t size,
                          const Content& content) = 0;
  /// The same for content that says its digest and size after its end, with `described`.
  virtual void add_blob(const Call& call, const Content& content,
                        const std::function<Descriptor()>& described) = 0;

  /// The text of index.json.
  virtual std::string index() = 0;
  /// Replaces it by what `edit` makes of it, while nobody else does.
  virtual void edit_index(const Call& call,
                          const std::function<std::string(const std::string&)>& edit) = 0;

  /// Store::assemble, for a blob that is not there.
  virtual std::unique_ptr<Assembly> assemble(const Call& call, const Descriptor& blob) = 0;

  virtual void expect(const Call& call, std::span<const Descriptor> content) = 0;
  virtual void commit(const Call& call) = 0;
};

/// An image layout (image-layout.md) as a Store, wherever its files are.
///
/// A document that is pushed becomes an entry of index.json unless one of those there leads to it;
/// an index that is pushed takes the place of the entries without tag that it refers to. So
/// index.json lists what a person would call the images, and every document can be resolved by
/// its digest.
///
/// resolve("") is the only image of the layout; Error(usage) listing them if there are several. A
/// tag may stand in the layout as a full name, see find_entry. Removing a tag or digest removes the
/// entry; blobs stay, since others may share them.
std::unique_ptr<Store> make_layout_store(std::unique_ptr<LayoutFiles> files);

/// How a local store is opened.
enum class OpenMode {
  existing,  ///< Error(not_found) if it is missing
  create,    ///< made if it is missing
};

}  // namespace davit::oci
