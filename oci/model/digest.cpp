#include "oci/model/digest.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "oci/base/error.hpp"

namespace davit::oci {
namespace {

constexpr std::string_view prefix_of(DigestAlgorithm algorithm) {
  return algorithm == DigestAlgorithm::sha256 ? "sha256:" : "sha512:";
}

struct ContextDeleter {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

}  // namespace

std::optional<Digest> Digest::try_parse(std::string_view text) {
  for (const auto algorithm : {DigestAlgorithm::sha256, DigestAlgorithm::sha512}) {
    const std::string_view prefix = prefix_of(algorithm);
    const std::size_t length = algorithm == DigestAlgorithm::sha256 ? 64 : 128;
    if (!text.starts_with(prefix) || text.size() != prefix.size() + length) continue;
    const std::string_view hex = text.substr(prefix.size());
    const bool valid = std::all_of(hex.begin(), hex.end(), [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    });
    if (valid) return Digest(std::string(text));
  }
  return std::nullopt;
}

Digest Digest::parse(std::string_view text) {
  if (auto digest = try_parse(text)) return *digest;
  throw Error(ErrorKind::corrupt,
              fmt::format("'{}' is not a digest", printable(text.substr(0, 160))),
              "a digest is sha256: and 64 lower-case hexadecimal digits");
}

Digest Digest::of_raw(DigestAlgorithm algorithm, Bytes hash) {
  if (hash.size() != (algorithm == DigestAlgorithm::sha256 ? 32U : 64U)) {
    throw Error(ErrorKind::failed, "a hash of the wrong length");
  }
  return Digest(std::string(prefix_of(algorithm)) + to_hex(hash));
}

DigestAlgorithm Digest::algorithm() const {
  return text_.starts_with("sha512:") ? DigestAlgorithm::sha512 : DigestAlgorithm::sha256;
}

struct Hasher::State {
  DigestAlgorithm algorithm;
  std::unique_ptr<EVP_MD_CTX, ContextDeleter> context;
};

Hasher::Hasher(DigestAlgorithm algorithm) : state_(std::make_unique<State>()) {
  state_->algorithm = algorithm;
  state_->context.reset(EVP_MD_CTX_new());
  const EVP_MD* function = algorithm == DigestAlgorithm::sha256 ? EVP_sha256() : EVP_sha512();
  if (!state_->context || EVP_DigestInit_ex(state_->context.get(), function, nullptr) != 1) {
    throw Error(ErrorKind::failed, "OpenSSL cannot start a hash");
  }
}

Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::write(Bytes bytes) {
  if (EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) != 1) {
    throw Error(ErrorKind::failed, "OpenSSL cannot go on with a hash");
  }
}

Digest Hasher::finish() {
  std::array<std::byte, EVP_MAX_MD_SIZE> hash;
  unsigned size = 0;
  if (EVP_DigestFinal_ex(state_->context.get(), reinterpret_cast<unsigned char*>(hash.data()),
                         &size) != 1) {
    throw Error(ErrorKind::failed, "OpenSSL cannot finish a hash");
  }
  return Digest::of_raw(state_->algorithm, Bytes(hash).first(size));
}

Digest digest_of(Bytes bytes, DigestAlgorithm algorithm) {
  Hasher hasher(algorithm);
  hasher.write(bytes);
  return hasher.finish();
}

}  // namespace davit::oci
