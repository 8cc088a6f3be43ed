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
  bool has(const Descriptor& content) override { return to_.has(content); }
  void fetch(const Descriptor& content, Sink& into) override { to_.fetch(content, into); }
  bool fetch_part(const Descriptor& content, const Part& part, Sink& into) override {
    return to_.fetch_part(content, part, into);
  }
  std::unique_ptr<Assembly> assemble(const Descriptor& content) override {
    return to_.assemble(content);
  }
  void push(const Descriptor& descriptor, const Content& content) override {
    to_.push(descriptor, content);
  }
  Descriptor add(std::string_view media_type, const Content& content) override {
    return to_.add(media_type, content);
  }
  std::optional<Descriptor> resolve(std::string_view tag_or_digest) override {
    return to_.resolve(tag_or_digest);
  }
  void tag(const Descriptor& descriptor, const Content& document, std::string_view tag) override {
    to_.tag(descriptor, document, tag);
  }
  std::vector<std::string> tags() override { return to_.tags(); }
  std::vector<Descriptor> referrers(const Digest& subject) override {
    return to_.referrers(subject);
  }
  void remove(std::string_view tag_or_digest) override { to_.remove(tag_or_digest); }
  bool mount(const Descriptor& content, Store& from) override { return to_.mount(content, from); }
  void expect(std::span<const Descriptor> content) override { to_.expect(content); }
  void commit() override { to_.commit(); }

 protected:
  Store& to() const { return to_; }

 private:
  Store& to_;
};

}  // namespace davit::oci
