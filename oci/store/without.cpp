#include "oci/store/without.hpp"

#include <vector>

#include "oci/store/forwarding.hpp"

namespace davit::oci {
namespace {

class Without final : public ForwardingStore {
 public:
  Without(Store& store, const std::set<Digest>& known) : ForwardingStore(store), known_(known) {}

  bool has(const Call& call, const Descriptor& content) override {
    return known_.contains(content.digest) || to().has(call, content);
  }
  void expect(const Call& call, std::span<const Descriptor> content) override {
    std::vector<Descriptor> wanted;
    for (const Descriptor& one : content) {
      if (!known_.contains(one.digest)) wanted.push_back(one);
    }
    to().expect(call, wanted);
  }

 private:
  const std::set<Digest>& known_;
};

}  // namespace

std::unique_ptr<Store> make_without(Store& store, const std::set<Digest>& known) {
  return std::make_unique<Without>(store, known);
}

}  // namespace davit::oci
