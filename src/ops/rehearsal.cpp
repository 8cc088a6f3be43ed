#include "src/ops/rehearsal.hpp"

#include <fmt/format.h>

#include <map>

#include "oci/base/log.hpp"
#include "oci/store/forwarding.hpp"

namespace davit::app {
namespace {

using oci::Content;
using oci::Descriptor;

class Rehearsal final : public oci::ForwardingStore {
 public:
  explicit Rehearsal(std::unique_ptr<oci::Store> real)
      : ForwardingStore(*real), real_(std::move(real)) {}

  bool has(const oci::Call& call, const Descriptor& content) override {
    return documents_.contains(content.digest) || to().has(call, content);
  }
  void fetch(const oci::Call& call, const Descriptor& content, oci::Sink& into) override {
    const auto document = documents_.find(content.digest);
    if (document == documents_.end()) return to().fetch(call, content, into);
    into.write(oci::bytes_of(document->second));
  }

  void push(const oci::Call& call, const Descriptor& descriptor, const Content& content) override {
    // Later steps may ask for documents that a real run would have stored by then.
    if (oci::is_document(descriptor.media_type)) {
      documents_[descriptor.digest] =
          oci::collect(call, content, oci::document_limit, descriptor.digest.str());
    }
    say("push {} ({})", descriptor.digest.str(), oci::human_size(descriptor.size));
  }

  Descriptor add(const oci::Call& call, std::string_view media_type,
                 const Content& content) override {
    oci::Hasher hasher;
    Descriptor descriptor;
    descriptor.media_type = media_type;
    oci::FunctionSink measure([&](oci::Bytes bytes) {
      hasher.write(bytes);
      descriptor.size += bytes.size();
    });
    content(call, measure);
    descriptor.digest = hasher.finish();
    if (!to().has(call, descriptor)) {
      say("push {} ({})", descriptor.digest.str(), oci::human_size(descriptor.size));
    }
    return descriptor;
  }

  void tag(const oci::Call& call, const Descriptor& descriptor, const Content&,
           std::string_view tag) override {
    const auto present = to().resolve(call, tag);
    if (present && present->digest == descriptor.digest) return;
    say("tag {} as {}{}", descriptor.digest.str(), tag,
        present ? ", which is another image now" : "");
  }

  // None of these happens in a rehearsal.
  std::unique_ptr<oci::Assembly> assemble(const oci::Call&, const Descriptor&) override {
    return nullptr;
  }
  bool mount(const oci::Call&, const Descriptor&, const oci::MountSource&) override {
    return false;
  }
  void expect(const oci::Call&, std::span<const Descriptor>) override {}
  void commit(const oci::Call&) override {}

  void remove(const oci::Call& call, std::string_view tag_or_digest) override {
    oci::require(call, to(), tag_or_digest);
    say("delete {}", tag_or_digest);
  }

 private:
  template <class... Values>
  void say(fmt::format_string<Values...> text, Values&&... values) {
    oci::log(
        oci::LogLevel::notice,
        fmt::format("in {}: would {}", name(), fmt::format(text, std::forward<Values>(values)...)));
  }

  std::unique_ptr<oci::Store> real_;
  std::map<oci::Digest, std::string> documents_;
};

}  // namespace

std::unique_ptr<oci::Store> make_rehearsal(std::unique_ptr<oci::Store> real) {
  return std::make_unique<Rehearsal>(std::move(real));
}

}  // namespace davit::app
