#include "oci/store/layout_store.hpp"

#include <fmt/format.h>

#include <set>
#include <utility>
#include <vector>

#include "oci/base/limits.hpp"
#include "oci/model/manifest.hpp"
#include "oci/store/layout_index.hpp"

namespace davit::oci {
namespace {

Content verified(const Descriptor& descriptor, const Content& content) {
  return [&](const Call& call, Sink& sink) {
    Verifier verifier(descriptor, sink);
    content(call, verifier);
    verifier.finish();
  };
}

/// Learns digest and size of what passes.
class Describing final : public Sink {
 public:
  explicit Describing(Sink& to) : to_(to) {}

  void write(Bytes bytes) override {
    hasher_.write(bytes);
    size_ += bytes.size();
    to_.write(bytes);
  }
  Descriptor finish(std::string_view media_type) {
    return {.media_type = std::string(media_type), .digest = hasher_.finish(), .size = size_};
  }

 private:
  Sink& to_;
  Hasher hasher_;
  std::uint64_t size_ = 0;
};

class LayoutStore final : public Store {
 public:
  explicit LayoutStore(std::unique_ptr<LayoutFiles> files)
      : files_(std::move(files)), name_(files_->name()) {}

  std::string name() const override { return name_; }
  bool has(const Call& call, const Descriptor& content) override {
    return doing(name_, [&] { return files_->has(call, content.digest, content.size); });
  }
  void fetch(const Call& call, const Descriptor& content, Sink& into) override;
  bool fetch_part(const Call&, const Descriptor&, const Part&, Sink&) override { return false; }
  void push(const Call& call, const Descriptor& descriptor, const Content& content) override;
  std::unique_ptr<Assembly> assemble(const Call& call, const Descriptor& content) override {
    if (is_document(content.media_type)) return nullptr;
    return doing(name_, [&] { return files_->assemble(call, content); });
  }
  Descriptor add(const Call& call, std::string_view media_type, const Content& content) override;
  std::optional<Descriptor> resolve(const Call& call, std::string_view tag_or_digest) override;
  void tag(const Call& call, const Descriptor& descriptor, const Content& document,
           std::string_view tag) override {
    check_entry_tag(tag);
    store_document(call, descriptor, document, tag);
  }
  std::vector<std::string> tags(const Call&) override { return entry_tags(index()); }
  std::vector<Descriptor> referrers(const Call& call, const Digest& subject) override;
  void remove(const Call& call, std::string_view tag_or_digest) override;
  bool keeps_references() const override { return false; }
  std::optional<MountSource> mount_source() const override { return std::nullopt; }
  bool mount(const Call&, const Descriptor&, const MountSource&) override { return false; }
  void expect(const Call& call, std::span<const Descriptor> content) override {
    files_->expect(call, content);
  }
  void commit(const Call& call) override { files_->commit(call); }

 private:
  enum class Search {
    indexes,
    sound_indexes,  ///< those that are damaged are passed over: a copy that mends them comes
    all_documents,
  };
  using Visit = std::function<bool(const Descriptor&, const Document*)>;

  Index index() { return parse_layout_index(files_->index(), name_); }
  Document read_document(const Call& call, const Descriptor& descriptor);
  void store_document(const Call& call, const Descriptor& descriptor, const Content& content,
                      std::string_view tag);
  void search(const Call& call, Search what, const Visit& visit);
  bool is_reachable(const Call& call, const Digest& digest);

  const std::unique_ptr<LayoutFiles> files_;
  const std::string name_;
};

void LayoutStore::fetch(const Call& call, const Descriptor& content, Sink& into) {
  doing(name_, [&] {
    Verifier verifier(content, into);
    const auto size = files_->blob_size(content.digest);
    if (!size && content.data) {
      verifier.write(bytes_of(*content.data));
    } else if (!size) {
      throw Error(ErrorKind::not_found, fmt::format("{} is not there", content.digest.str()));
    } else if (*size != content.size) {
      throw Error(ErrorKind::corrupt, fmt::format("{} has {} bytes, not the {} promised",
                                                  content.digest.str(), *size, content.size));
    } else {
      StoppingSink stopping(call, verifier);
      files_->read_blob(call, content.digest, stopping);
    }
    verifier.finish();
  });
}

void LayoutStore::push(const Call& call, const Descriptor& descriptor, const Content& content) {
  if (is_document(descriptor.media_type)) {
    store_document(call, descriptor, content, {});
  } else if (!has(call, descriptor)) {
    doing(name_, [&] {
      files_->write_blob(call, descriptor.digest, descriptor.size, verified(descriptor, content));
    });
  }
}

Descriptor LayoutStore::add(const Call& call, std::string_view media_type, const Content& content) {
  Descriptor added;
  doing(name_, [&] {
    files_->add_blob(
        call,
        [&](const Call& inner, Sink& sink) {
          Describing describing(sink);
          content(inner, describing);
          added = describing.finish(media_type);
        },
        [&] { return added; });
  });
  return added;
}

void LayoutStore::store_document(const Call& call, const Descriptor& descriptor,
                                 const Content& content, std::string_view tag) {
  const std::string what = fmt::format("{}: {}", name_, descriptor.digest.str());
  const std::string bytes = doing(
      name_, [&] { return collect(call, verified(descriptor, content), document_limit, what); });
  const bool known = is_document(descriptor.media_type);
  const std::vector<Descriptor> refers_to =
      known ? children(parse_document(descriptor.media_type, bytes, what))
            : std::vector<Descriptor>();
  if (!has(call, descriptor)) {
    files_->write_blob(call, descriptor.digest, descriptor.size, content_of(bytes));
  }
  if (tag.empty() && is_reachable(call, descriptor.digest)) return;
  files_->edit_index(call, [&](const std::string& text) {
    return with_entry(text, descriptor, tag, refers_to, name_);
  });
}

std::optional<Descriptor> LayoutStore::resolve(const Call& call, std::string_view tag_or_digest) {
  std::optional<Descriptor> found = find_entry(index(), tag_or_digest, name_);
  if (const auto digest = Digest::try_parse(tag_or_digest); digest && !found) {
    search(call, Search::indexes, [&](const Descriptor& descriptor, const Document*) {
      if (descriptor.digest == *digest) found = descriptor;
      return !found.has_value();
    });
  }
  if (found && found->media_type.empty()) {
    found->media_type = document_media_type(fetch_document(call, *this, *found), name_);
  }
  return found;
}

std::vector<Descriptor> LayoutStore::referrers(const Call& call, const Digest& subject) {
  std::vector<Descriptor> found;
  search(call, Search::all_documents, [&](const Descriptor& descriptor, const Document* document) {
    if (document == nullptr) return true;
    std::visit(
        [&](const auto& view) {
          if (!view.subject || view.subject->digest != subject) return;
          Descriptor referrer{.media_type = view.media_type,
                              .digest = descriptor.digest,
                              .size = descriptor.size,
                              .annotations = view.annotations,
                              .artifact_type = view.artifact_type};
          if constexpr (requires { view.config; }) {
            if (referrer.artifact_type.empty()) referrer.artifact_type = view.config.media_type;
          }
          found.push_back(std::move(referrer));
        },
        *document);
    return true;
  });
  return found;
}

void LayoutStore::remove(const Call& call, std::string_view tag_or_digest) {
  if (tag_or_digest.empty()) throw Error(ErrorKind::usage, name_ + ": say what to remove");
  files_->edit_index(call, [&](const std::string& text) {
    if (auto without = without_entry(text, tag_or_digest, name_)) return *std::move(without);
    throw Error(ErrorKind::not_found,
                fmt::format("{} has no entry {}", name_, printable(tag_or_digest)));
  });
}

Document LayoutStore::read_document(const Call& call, const Descriptor& descriptor) {
  return parse_document(descriptor.media_type, fetch_document(call, *this, descriptor),
                        fmt::format("{}: {}", name_, descriptor.digest.str()));
}

/// Visits every document that index.json leads to, nearest first and each once, until the visitor
/// has seen enough. The document's own view is there if it was read and is not missing, as it may
/// be from a layout that holds only some platforms.
void LayoutStore::search(const Call& call, Search what, const Visit& visit) {
  std::vector<Descriptor> level = index().manifests;
  std::set<Digest> seen;
  for (std::size_t depth = 0; depth < index_depth_limit && !level.empty(); ++depth) {
    std::vector<Descriptor> next;
    for (const Descriptor& descriptor : level) {
      if (!seen.insert(descriptor.digest).second) continue;
      if (seen.size() > closure_document_limit) {
        throw Error(ErrorKind::corrupt, fmt::format("{} has too many documents", name_));
      }
      const bool wanted = what == Search::all_documents ? is_document(descriptor.media_type)
                                                        : is_index(descriptor.media_type);
      const bool there = what == Search::sound_indexes
                             ? has(call, descriptor)
                             : files_->blob_size(descriptor.digest) == descriptor.size;
      std::optional<Document> document;
      if (wanted && there) document = read_document(call, descriptor);
      if (!visit(descriptor, document ? &*document : nullptr)) return;
      if (!document) continue;
      if (const auto* nested = std::get_if<Index>(&*document)) {
        next.insert(next.end(), nested->manifests.begin(), nested->manifests.end());
      }
    }
    level = std::move(next);
  }
}

bool LayoutStore::is_reachable(const Call& call, const Digest& digest) {
  bool found = false;
  search(call, Search::sound_indexes, [&](const Descriptor& descriptor, const Document*) {
    found = descriptor.digest == digest;
    return !found;
  });
  return found;
}

}  // namespace

std::unique_ptr<Store> make_layout_store(std::unique_ptr<LayoutFiles> files) {
  return std::make_unique<LayoutStore>(std::move(files));
}

}  // namespace davit::oci
