#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/model/descriptor.hpp"
#include "tests/support/access_control.hpp"
#include "tests/support/fault.hpp"
#include "tests/support/http_server.hpp"
#include "tests/support/registry_api.hpp"
#include "tests/support/registry_content.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::tests {

enum class Tls { off, on, with_client_certificate };
/// Whether blobs are sent by the registry itself or, as ECR does, from the second port by way of a
/// 307 to a signed URL.
enum class BlobDelivery { direct, redirected };

struct RegistryOptions {
  AccessOptions access = {};
  ApiOptions api = {};
  Tls tls = Tls::off;
  Certificate certificate = Certificate::good;
  BlobDelivery blobs = BlobDelivery::direct;
};

/// A request as it came, and what became of it.
struct RecordedRequest {
  Port port = Port::registry;
  std::string method;
  std::string target;  ///< path and query
  transport::Headers headers;
  std::uint64_t body_bytes = 0;  ///< received
  int status = 0;                ///< 0: no answer was sent

  /// "Basic", "Bearer" or whatever was used; empty if no Authorization came.
  std::string authorization_scheme() const;
};

/// An OCI registry inside the process, exact to the distribution specification 1.1 until told
/// otherwise. It listens on two loopback ports of the kernel's choice: the registry's, and a "blob
/// host" that serves the same without authentication but, like S3, answers 400 to whoever shows it
/// an Authorization header. Thread-safe; ready when constructed, gone when destroyed.
class Registry {
 public:
  explicit Registry(RegistryOptions options = {});
  ~Registry();

  /// "127.0.0.1:PORT"
  std::string host() const;
  std::string blob_host() const;
  /// "http://127.0.0.1:PORT" or with https
  std::string url() const { return url_of(Port::registry); }
  std::string blob_host_url() const { return url_of(Port::blob_host); }

  /// PEM files, if TLS is on.
  std::filesystem::path ca_file() const { return files_ / "ca.pem"; }
  std::filesystem::path client_certificate_file() const { return files_ / "client.pem"; }
  std::filesystem::path client_key_file() const { return files_ / "client.key"; }

  void inject(Fault fault) { faults_.add(std::move(fault)); }
  void clear_faults() { faults_.clear(); }

  /// What was asked so far, in order of arrival.
  std::vector<RecordedRequest> requests() const;
  /// How many requests had this method (any if empty) and this regular expression in their target.
  std::size_t count(std::string_view method, const std::string& target) const;
  void forget_requests();
  /// Called with every request when it is done; before its answer is sent.
  void on_request(std::function<void(const RecordedRequest&)> observer);
  std::size_t connections() const { return main_->connections(); }

  AccessControl& access() { return access_; }
  RegistryContent& content() { return content_; }

  // Short cuts into the content; nothing is checked.
  oci::Descriptor put_blob(const std::string& repository, std::string bytes,
                           std::string_view media_type = "application/octet-stream");
  oci::Descriptor put_manifest(const std::string& repository, const std::string& tag,
                               std::string bytes, std::string_view media_type);
  bool has_blob(const std::string& repository, const oci::Digest& digest) const;
  std::vector<std::string> tags(const std::string& repository) const;

 private:
  std::string url_of(Port port) const;
  void serve(Exchange& exchange, Port port);
  Answer answer(Exchange& exchange, Port port, const std::vector<Fault>& faults);
  std::optional<Answer> instead(Exchange& exchange, const std::vector<Fault>& faults);
  void make_locations_absolute(const Exchange& exchange, Port port,
                               const std::vector<Fault>& faults, Answer& answer) const;
  std::shared_ptr<RecordedRequest> begin_record(const Exchange& exchange, Port port);
  void end_record(RecordedRequest& record, const Exchange& exchange, int status);

  const RegistryOptions options_;
  TempDir files_;
  Faults faults_;
  RegistryContent content_;
  RegistryApi api_;
  AccessControl access_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<RecordedRequest>> requests_;
  std::function<void(const RecordedRequest&)> observer_;
  std::unique_ptr<HttpServer> main_;
  std::unique_ptr<HttpServer> second_;
};

}  // namespace davit::tests
