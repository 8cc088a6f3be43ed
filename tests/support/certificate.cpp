#include "tests/support/certificate.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <random>
#include <stdexcept>

namespace davit::tests {
namespace {

constexpr long day = 24 * 60 * 60;

using Key = std::shared_ptr<EVP_PKEY>;
using X509Pointer = std::shared_ptr<X509>;

void check(bool good, const char* what) {
  if (!good) throw std::runtime_error(what);
}

Key make_key() {
  Key key{EVP_EC_gen("P-256"), &EVP_PKEY_free};
  check(key != nullptr, "no key");
  return key;
}

std::string read_all(BIO* memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  return {data, static_cast<std::size_t>(size)};
}

using Memory = std::shared_ptr<BIO>;
Memory make_memory() { return {BIO_new(BIO_s_mem()), &BIO_free_all}; }
Memory memory_of(const std::string& text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free_all};
}

std::string pem_of(X509* certificate) {
  const Memory memory = make_memory();
  check(PEM_write_bio_X509(memory.get(), certificate) == 1, "no PEM");
  return read_all(memory.get());
}

std::string pem_of(EVP_PKEY* key) {
  const Memory memory = make_memory();
  check(PEM_write_bio_PrivateKey(memory.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
        "no PEM");
  return read_all(memory.get());
}

X509Pointer parse_certificate(const std::string& pem) {
  X509Pointer certificate{PEM_read_bio_X509(memory_of(pem).get(), nullptr, nullptr, nullptr),
                          &X509_free};
  check(certificate != nullptr, "not a certificate");
  return certificate;
}

void extend(X509* certificate, X509* issuer, int extension, const char* value) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::shared_ptr<X509_EXTENSION> made{
      X509V3_EXT_conf_nid(nullptr, &context, extension, value), &X509_EXTENSION_free};
  check(made != nullptr && X509_add_ext(certificate, made.get(), -1) == 1, "no extension");
}

X509Pointer make_certificate(const char* name, const Key& key, long from, long until) {
  X509Pointer certificate{X509_new(), &X509_free};
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), std::random_device()());
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), from);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), until);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  return certificate;
}

}  // namespace

struct TestCa::State {
  Key key;
  X509Pointer certificate;

  Identity issue(const char* name, const char* alternative_names, const char* use, long from,
                 long until) const {
    const Key own = make_key();
    const X509Pointer made = make_certificate(name, own, from, until);
    X509_set_issuer_name(made.get(), X509_get_subject_name(certificate.get()));
    extend(made.get(), certificate.get(), NID_basic_constraints, "critical,CA:FALSE");
    extend(made.get(), certificate.get(), NID_ext_key_usage, use);
    if (alternative_names != nullptr) {
      extend(made.get(), certificate.get(), NID_subject_alt_name, alternative_names);
    }
    check(X509_sign(made.get(), key.get(), EVP_sha256()) > 0, "not signed");
    return {pem_of(made.get()), pem_of(own.get())};
  }
};

TestCa::TestCa() : state_(std::make_unique<State>()) {
  state_->key = make_key();
  state_->certificate = make_certificate("Test authority", state_->key, -day, 7 * day);
  X509* const own = state_->certificate.get();
  X509_set_issuer_name(own, X509_get_subject_name(own));
  extend(own, own, NID_basic_constraints, "critical,CA:TRUE");
  extend(own, own, NID_key_usage, "critical,keyCertSign,cRLSign");
  extend(own, own, NID_subject_key_identifier, "hash");
  check(X509_sign(own, state_->key.get(), EVP_sha256()) > 0, "not signed");
  certificate_ = pem_of(own);
}

TestCa::~TestCa() = default;

Identity TestCa::issue_server(Certificate kind) const {
  const bool elsewhere = kind == Certificate::other_host;
  return state_->issue(
      elsewhere ? "elsewhere.test" : "localhost",
      elsewhere ? "DNS:elsewhere.test" : "DNS:localhost,DNS:registry.test,IP:127.0.0.1,IP:::1",
      "serverAuth", -3 * day, kind == Certificate::expired ? -day : 3 * day);
}

Identity TestCa::issue_client() const {
  return state_->issue("client", nullptr, "clientAuth", -day, 3 * day);
}

TlsContext TestCa::context(const Identity& identity, Clients clients) const {
  TlsContext context{SSL_CTX_new(TLS_server_method()), &SSL_CTX_free};
  const X509Pointer certificate = parse_certificate(identity.certificate);
  const Key key{PEM_read_bio_PrivateKey(memory_of(identity.key).get(), nullptr, nullptr, nullptr),
                &EVP_PKEY_free};
  check(SSL_CTX_use_certificate(context.get(), certificate.get()) == 1 &&
            SSL_CTX_use_PrivateKey(context.get(), key.get()) == 1,
        "certificate refused");
  if (clients == Clients::with_certificate) {
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), state_->certificate.get());
  }
  return context;
}

}  // namespace davit::tests
