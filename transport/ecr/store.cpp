#include "transport/ecr/store.hpp"

#include <fmt/format.h>

#include <map>
#include <mutex>

#include "oci/base/error.hpp"
#include "oci/base/log.hpp"
#include "oci/model/media_type.hpp"
#include "oci/store/forwarding.hpp"
#include "transport/ecr/calls.hpp"

namespace davit::transport::ecr {
namespace {

using oci::Content;
using oci::Descriptor;
using oci::Digest;

constexpr std::size_t batch_limit = 100;

class EcrStore final : public oci::ForwardingStore {
 public:
  EcrStore(std::unique_ptr<oci::Store> registry, Access& access, Host host, std::string repository)
      : ForwardingStore(*registry),
        registry_(std::move(registry)),
        access_(access),
        host_(std::move(host)),
        repository_(std::move(repository)) {}

  void expect(const oci::Call& call, std::span<const Descriptor> content) override {
    to().expect(call, content);
    std::vector<Digest> digests;
    for (const Descriptor& one : content) {
      if (!oci::is_document(one.media_type)) digests.push_back(one.digest);
    }
    // One is asked for faster by itself.
    if (digests.size() < 2) return;
    try {
      for (std::size_t at = 0; at < digests.size(); at += batch_limit) {
        check(call, std::span(digests).subspan(at, std::min(batch_limit, digests.size() - at)));
      }
    } catch (const oci::Error& error) {
      if (error.kind() == oci::ErrorKind::interrupted) throw;
      oci::log(oci::LogLevel::info, fmt::format("{}; each blob is asked for", error.what()));
    }
  }

  bool has(const oci::Call& call, const Descriptor& content) override {
    {
      const std::lock_guard lock(mutex_);
      const auto known = available_.find(content.digest);
      if (known != available_.end()) return known->second;
    }
    return to().has(call, content);
  }

  void push(const oci::Call& call, const Descriptor& descriptor, const Content& content) override {
    to().push(call, descriptor, content);
    const std::lock_guard lock(mutex_);
    available_.erase(descriptor.digest);
  }

  bool mount(const oci::Call& call, const Descriptor& content,
             const oci::MountSource& from) override {
    if (!to().mount(call, content, from)) return false;
    const std::lock_guard lock(mutex_);
    available_.erase(content.digest);
    return true;
  }

 private:
  void check(const oci::Call& call, std::span<const Digest> digests) {
    const std::string what = "looking for the layers of " + name();
    oci::Json names = oci::Json::array();
    for (const Digest& digest : digests) names.push_back(digest.str());
    const oci::Json answer =
        Calls(call, access_, host_)
            .call("BatchCheckLayerAvailability",
                  {{"repositoryName", repository_}, {"layerDigests", names}}, what);
    const std::lock_guard lock(mutex_);
    for (const oci::Json& layer : oci::array_member(answer, "layers", what)) {
      if (!layer.is_object()) continue;
      const auto digest = Digest::try_parse(oci::string_member(layer, "layerDigest", what));
      if (!digest) continue;
      available_[*digest] = oci::string_member(layer, "layerAvailability", what) == "AVAILABLE";
    }
  }

  const std::unique_ptr<oci::Store> registry_;
  Access& access_;
  const Host host_;
  const std::string repository_;
  std::mutex mutex_;
  std::map<Digest, bool> available_;
};

}  // namespace

std::unique_ptr<oci::Store> make_store(std::unique_ptr<oci::Store> registry, Access& access,
                                       Host host, std::string repository) {
  return std::make_unique<EcrStore>(std::move(registry), access, std::move(host),
                                    std::move(repository));
}

}  // namespace davit::transport::ecr
