#include "tests/support/registry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <regex>
#include <utility>

namespace davit::tests {
namespace {

const Fault* find(const std::vector<Fault>& faults, FaultKind kind) {
  const auto found =
      std::ranges::find_if(faults, [kind](const Fault& fault) { return fault.kind == kind; });
  return found == faults.end() ? nullptr : &*found;
}

Answer answer_of(const Fault& fault) {
  Answer answer{.status = fault.status == 0 ? 503 : fault.status, .headers = fault.headers};
  answer.set_body(fault.body);
  return answer;
}

/// Delays and broken connections while the request is read.
void spoil_request(Exchange& exchange, const std::vector<Fault>& faults) {
  if (const Fault* const fault = find(faults, FaultKind::delay)) exchange.pause(fault->delay);
  if (const Fault* const fault = find(faults, FaultKind::cut_request)) {
    if (!exchange.has_body()) exchange.drop(fault->closing);
    exchange.cut_body_after(fault->bytes);
  }
  if (const Fault* const fault = find(faults, FaultKind::stall_request)) {
    exchange.stall_body_after(fault->bytes, fault->delay);
  }
}

void spoil_answer(Answer& answer, const std::vector<Fault>& faults) {
  for (const Fault& fault : faults) {
    switch (fault.kind) {
      case FaultKind::stall_answer:
        answer.stall_after = fault.bytes;
        answer.stall_time = fault.delay;
        break;
      case FaultKind::cut_answer:
        answer.cut_after = fault.bytes;
        answer.closing = fault.closing;
        break;
      case FaultKind::wrong_length:
        answer.announced = fault.bytes;
        break;
      case FaultKind::flip_byte: {
        std::string flipped(answer.body);
        if (fault.bytes < flipped.size()) flipped[fault.bytes] ^= 1;
        answer.set_body(std::move(flipped));
        break;
      }
      case FaultKind::wrong_digest:
        answer.headers.set("Docker-Content-Digest",
                           oci::digest_of(oci::bytes_of("something else")).str());
        break;
      case FaultKind::no_digest:
        answer.headers.erase("Docker-Content-Digest");
        break;
      case FaultKind::created:
        if (answer.status == 202) answer.status = 201;
        break;
      default:
        break;
    }
  }
}

}  // namespace

std::string RecordedRequest::authorization_scheme() const {
  const std::string value = headers.get("Authorization").value_or("");
  return value.substr(0, value.find(' '));
}

Registry::Registry(RegistryOptions options)
    : options_(std::move(options)), api_(content_, options_.api), access_(options_.access) {
  TlsContext context;
  if (options_.tls != Tls::off) {
    const TestCa authority;
    const Identity client = authority.issue_client();
    write_file(ca_file(), authority.certificate());
    write_file(client_certificate_file(), client.certificate);
    write_file(client_key_file(), client.key);
    context = authority.context(
        authority.issue_server(options_.certificate),
        options_.tls == Tls::on ? TestCa::Clients::any : TestCa::Clients::with_certificate);
  }
  // Each port needs the other's number, so requests are served only when both stand.
  const std::lock_guard lock(mutex_);
  const auto port = [&](Port which) {
    return std::make_unique<HttpServer>(
        [this, which](Exchange& exchange) { serve(exchange, which); }, context);
  };
  second_ = port(Port::blob_host);
  main_ = port(Port::registry);
}

Registry::~Registry() {
  main_->stop();
  second_->stop();
}

std::string Registry::host() const { return fmt::format("127.0.0.1:{}", main_->port()); }
std::string Registry::blob_host() const { return fmt::format("127.0.0.1:{}", second_->port()); }

std::string Registry::url_of(Port port) const {
  return (options_.tls == Tls::off ? "http://" : "https://") +
         (port == Port::registry ? host() : blob_host());
}

std::shared_ptr<RecordedRequest> Registry::begin_record(const Exchange& exchange, Port port) {
  auto record = std::make_shared<RecordedRequest>(
      RecordedRequest{port, exchange.method(), exchange.target(), exchange.headers()});
  const std::lock_guard lock(mutex_);
  requests_.push_back(record);
  return record;
}

void Registry::end_record(RecordedRequest& record, const Exchange& exchange, int status) {
  const std::lock_guard lock(mutex_);
  record.body_bytes = exchange.body_bytes();
  record.status = status;
  if (observer_) observer_(record);
}

std::vector<RecordedRequest> Registry::requests() const {
  const std::lock_guard lock(mutex_);
  std::vector<RecordedRequest> copies;
  for (const auto& request : requests_) copies.push_back(*request);
  return copies;
}

std::size_t Registry::count(std::string_view method, const std::string& target) const {
  const std::regex pattern(target);
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(std::ranges::count_if(requests_, [&](const auto& request) {
    return (method.empty() || request->method == method) &&
           std::regex_search(request->target, pattern);
  }));
}

void Registry::forget_requests() {
  const std::lock_guard lock(mutex_);
  requests_.clear();
}

void Registry::on_request(std::function<void(const RecordedRequest&)> observer) {
  const std::lock_guard lock(mutex_);
  observer_ = std::move(observer);
}

void Registry::serve(Exchange& exchange, Port port) {
  const std::shared_ptr<RecordedRequest> record = begin_record(exchange, port);
  const std::vector<Fault> faults = faults_.strike(port, exchange.method(), exchange.target());
  Answer reply;
  try {
    spoil_request(exchange, faults);
    reply = answer(exchange, port, faults);
  } catch (const ConnectionLost&) {
    end_record(*record, exchange, 0);
    throw;
  } catch (const std::exception& error) {
    reply = error_answer(500, "UNKNOWN", error.what());
  }
  spoil_answer(reply, faults);
  const Fault* const lost = find(faults, FaultKind::lose_answer);
  end_record(*record, exchange, lost != nullptr || reply.raw ? 0 : reply.status);
  if (lost != nullptr) exchange.drop(lost->closing);
  exchange.send(reply);
}

std::optional<Answer> Registry::instead(Exchange& exchange, const std::vector<Fault>& faults) {
  for (const Fault& fault : faults) {
    switch (fault.kind) {
      case FaultKind::early_status:
        return answer_of(fault);
      case FaultKind::status:
        exchange.read_all();
        return answer_of(fault);
      case FaultKind::challenge:
        return access_.challenge(RegistryApi::scopes(exchange), url());
      case FaultKind::html: {
        exchange.read_all();
        Answer page{.status = fault.status == 0 ? 200 : fault.status};
        page.headers.add("Content-Type", "text/html");
        page.set_body("<!doctype html><title>Sign in</title><p>Please sign in.");
        return page;
      }
      case FaultKind::redirect: {
        Answer answer{.status = fault.status == 0 ? 307 : fault.status, .headers = fault.headers};
        if (!answer.headers.get("Location")) {
          answer.headers.add("Location", blob_host_url() + exchange.target());
        }
        return answer;
      }
      case FaultKind::raw:
        return Answer{.closing = fault.closing, .raw = fault.body};
      default:
        break;
    }
  }
  return std::nullopt;
}

Answer Registry::answer(Exchange& exchange, Port port, const std::vector<Fault>& faults) {
  if (std::optional<Answer> other = instead(exchange, faults)) return *std::move(other);
  if (exchange.path() == "/token") return access_.token(exchange);
  if (port == Port::blob_host && exchange.headers().get("Authorization")) {
    return error_answer(400, "InvalidArgument", "Only one auth mechanism allowed");
  }
  if (port == Port::registry) {
    const auto scopes = RegistryApi::scopes(exchange);
    if (auto refusal = access_.refuse(exchange, scopes, url())) return *std::move(refusal);
  }
  Answer reply = api_.serve(exchange, faults);
  reply.headers.add("Docker-Distribution-API-Version", "registry/2.0");
  make_locations_absolute(exchange, port, faults, reply);
  const bool is_blob = reply.status < 300 && exchange.method() == "GET" &&
                       exchange.path().find("/blobs/sha") != std::string_view::npos;
  if (options_.blobs == BlobDelivery::redirected && port == Port::registry && is_blob) {
    Answer redirect{.status = 307};
    redirect.headers.add("Location", fmt::format("{}{}?X-Amz-Signature=signature", blob_host_url(),
                                                 exchange.path()));
    return redirect;
  }
  return reply;
}

void Registry::make_locations_absolute(const Exchange& exchange, Port port,
                                       const std::vector<Fault>& faults, Answer& answer) const {
  const auto location = answer.headers.get("Location");
  if (!location || find(faults, FaultKind::relative_location) != nullptr) return;
  const std::string own =
      (options_.tls == Tls::off ? "http://" : "https://") +
      exchange.headers().get("Host").value_or(port == Port::registry ? host() : blob_host());
  const bool elsewhere = find(faults, FaultKind::upload_elsewhere) != nullptr;
  answer.headers.set("Location", (elsewhere ? blob_host_url() : own) + *location);
}

oci::Descriptor Registry::put_blob(const std::string& repository, std::string bytes,
                                   std::string_view media_type) {
  oci::Descriptor descriptor = oci::describe(media_type, bytes);
  content_.put_blob(repository, std::move(bytes));
  return descriptor;
}

oci::Descriptor Registry::put_manifest(const std::string& repository, const std::string& tag,
                                       std::string bytes, std::string_view media_type) {
  oci::Descriptor descriptor = oci::describe(media_type, bytes);
  content_.put_document(repository, tag,
                        {std::string(media_type), descriptor.digest,
                         std::make_shared<const std::string>(std::move(bytes))});
  return descriptor;
}

bool Registry::has_blob(const std::string& repository, const oci::Digest& digest) const {
  return content_.blob(repository, digest) != nullptr;
}

std::vector<std::string> Registry::tags(const std::string& repository) const {
  return content_.tags(repository);
}

}  // namespace davit::tests
