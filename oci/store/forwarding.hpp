#pragma once

#include "oci/store/store.hpp"

namespace davit::oci {

/// A store that passes everything on to another: what decorates one says only what it does
/// otherwise.
class ForwardingStore : public Store {
 public:
  /// `to` lives longer.
  explicit ForwardingStore(Store& to) : to_(to) {}

  std::string name() const override { return to_.name(); }
  bool has(const Call& call, const Descriptor& content) override { return to_.has(call, content); }
  void fetch(const Call& call, const Descriptor& content, Sink& into) override {
    to_.fetch(call, content, into);
  }
  bool fetch_part(const Call& call, const Descriptor& content, const Part& part,
                  Sink& into) override {
    return to_.fetch_part(call, content, part, into);
  }
  std::unique_ptr<Assembly> assemble(const Call& call, const Descriptor& content) override {
    return to_.assemble(call, content);
  }
  void push(const Call& call, const Descriptor& descriptor, const Content& content) override {
    to_.push(call, descriptor, content);
  }
  Descriptor add(const Call& call, std::string_view media_type, const Content& content) override {
    return to_.add(call, media_type, content);
  }
  std::optional<Descriptor> resolve(const Call& call, std::string_view tag_or_digest) override {
    return to_.resolve(call, tag_or_digest);
  }
  void tag(const Call& call, const Descriptor& descriptor, const Content& document,
           std::string_view tag) override {
    to_.tag(call, descriptor, document, tag);
  }
  std::vector<std::string> tags(const Call& call) override { return to_.tags(call); }
  std::vector<Descriptor> referrers(const Call& call, const Digest& subject) override {
    return to_.referrers(call, subject);
  }
  void remove(const Call& call, std::string_view tag_or_digest) override {
    to_.remove(call, tag_or_digest);
  }
  bool keeps_references() const override { return to_.keeps_references(); }
  std::optional<MountSource> mount_source() const override { return to_.mount_source(); }
  bool mount(const Call& call, const Descriptor& content, const MountSource& from) override {
    return to_.mount(call, content, from);
  }
  void expect(const Call& call, std::span<const Descriptor> content) override {
    to_.expect(call, content);
  }
  void commit(const Call& call) override { to_.commit(call); }

 protected:
  Store& to() const { return to_; }

 private:
  Store& to_;
};

}  // namespace davit::oci
