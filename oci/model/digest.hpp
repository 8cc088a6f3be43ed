#pragma once

#include <compare>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "oci/base/stream.hpp"

namespace davit::oci {

enum class DigestAlgorithm { sha256, sha512 };

/// A content digest as the image specification writes it (descriptor.md, "Digests"): an algorithm
/// this program computes itself and lower-case hexadecimal of exactly its length. No other string
/// ever becomes one, so a digest is safe as a file name and in a URL.
class Digest {
 public:
  /// No digest: equal to no digest of content.
  Digest() = default;

  static std::optional<Digest> try_parse(std::string_view text);
  /// Throws Error(corrupt).
  static Digest parse(std::string_view text);
  static Digest of_raw(DigestAlgorithm algorithm, Bytes hash);

  bool empty() const { return text_.empty(); }
  DigestAlgorithm algorithm() const;
  std::string_view algorithm_name() const { return std::string_view(text_).substr(0, 6); }
  std::string_view hex() const { return empty() ? "" : std::string_view(text_).substr(7); }
  /// "sha256:…"
  const std::string& str() const { return text_; }
  /// The first twelve digits, for people.
  std::string_view brief() const { return hex().substr(0, 12); }

  friend auto operator<=>(const Digest&, const Digest&) = default;

 private:
  explicit Digest(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// Hashes what is written. Feed it large pieces: a call costs about as much as 100 bytes.
class Hasher final : public Sink {
 public:
  explicit Hasher(DigestAlgorithm algorithm = DigestAlgorithm::sha256);
  ~Hasher() override;
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  void write(Bytes bytes) override;
  /// The digest of all that was written; once.
  Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Digest digest_of(Bytes bytes, DigestAlgorithm algorithm = DigestAlgorithm::sha256);

}  // namespace davit::oci
