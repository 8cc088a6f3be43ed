#include "oci/store/nearer.hpp"

#include "oci/store/forwarding.hpp"

namespace davit::oci {
namespace {

/// Says whether anything was taken: after that no other store can take over.
class Watch final : public Sink {
 public:
  explicit Watch(Sink& to) : to_(to) {}
  void write(Bytes bytes) override {
    taken_ = taken_ || !bytes.empty();
    to_.write(bytes);
  }
  bool taken() const { return taken_; }

 private:
  Sink& to_;
  bool taken_ = false;
};

class Nearer final : public ForwardingStore {
 public:
  Nearer(Store& first, Store& second) : ForwardingStore(first), second_(second) {}

  void fetch(const Call& call, const Descriptor& content, Sink& into) override {
    Watch watch(into);
    try {
      to().fetch(call, content, watch);
    } catch (const Error& error) {
      if (watch.taken() || !leads_on(error)) throw;
      second_.fetch(call, content, into);
    }
  }

  bool fetch_part(const Call& call, const Descriptor& content, const Part& part,
                  Sink& into) override {
    Watch watch(into);
    try {
      return to().fetch_part(call, content, part, watch);
    } catch (const Error& error) {
      if (watch.taken() || !leads_on(error)) throw;
      return second_.fetch_part(call, content, part, into);
    }
  }

 private:
  /// Who may push somewhere need not be allowed to pull there.
  static bool leads_on(const Error& error) {
    return error.kind() == ErrorKind::denied || error.kind() == ErrorKind::not_found;
  }

  Store& second_;
};

}  // namespace

std::unique_ptr<Store> make_nearer(Store& first, Store& second) {
  return std::make_unique<Nearer>(first, second);
}

}  // namespace davit::oci
