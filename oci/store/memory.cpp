#include "oci/store/memory.hpp"

#include <limits>
#include <map>
#include <mutex>
#include <utility>

#include "oci/store/layout_index.hpp"
#include "oci/store/layout_store.hpp"

namespace davit::oci {
namespace {

/// Blobs are shared with whoever reads them, so that no lock is held while a slow sink takes one.
class MemoryFiles final : public LayoutFiles {
 public:
  explicit MemoryFiles(std::string name) : name_(std::move(name)) {}

  std::string name() const override { return name_; }

  std::optional<std::uint64_t> blob_size(const Digest& digest) override {
    const std::lock_guard lock(mutex_);
    const auto found = blobs_.find(digest);
    if (found == blobs_.end()) return std::nullopt;
    return found->second->size();
  }

  void read_blob(const Call&, const Digest& digest, Sink& into) override {
    std::shared_ptr<const std::string> blob;
    {
      const std::lock_guard lock(mutex_);
      if (const auto found = blobs_.find(digest); found != blobs_.end()) blob = found->second;
    }
    if (!blob) throw Error(ErrorKind::not_found, digest.str() + " is not there");
    into.write(bytes_of(*blob));
  }

  void write_blob(const Call& call, const Digest& digest, std::uint64_t size,
                  const Content& content) override {
    keep(digest, collect(call, content, size, digest.str()));
  }

  void add_blob(const Call& call, const Content& content,
                const std::function<Descriptor()>& described) override {
    std::string bytes = collect(call, content, std::numeric_limits<std::uint64_t>::max(), name_);
    keep(described().digest, std::move(bytes));
  }

  bool has(const Call&, const Digest& digest, std::uint64_t size) override {
    return blob_size(digest) == size;
  }
  std::string index() override {
    const std::lock_guard lock(mutex_);
    return index_;
  }

  void edit_index(const Call&,
                  const std::function<std::string(const std::string&)>& edit) override {
    const std::lock_guard lock(mutex_);
    index_ = edit(index_);
  }

  std::unique_ptr<Assembly> assemble(const Call&, const Descriptor&) override { return nullptr; }
  void expect(const Call&, std::span<const Descriptor>) override {}
  void commit(const Call&) override {}

 private:
  void keep(const Digest& digest, std::string bytes) {
    auto blob = std::make_shared<const std::string>(std::move(bytes));
    const std::lock_guard lock(mutex_);
    blobs_[digest] = std::move(blob);
  }

  const std::string name_;
  std::mutex mutex_;
  std::map<Digest, std::shared_ptr<const std::string>> blobs_;
  std::string index_ = new_layout_index();
};

}  // namespace

std::unique_ptr<Store> make_memory_store(std::string name) {
  return make_layout_store(std::make_unique<MemoryFiles>(std::move(name)));
}

}  // namespace davit::oci
