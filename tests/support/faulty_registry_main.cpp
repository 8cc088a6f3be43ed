// The registry of the unit tests as a program, for tests that drive davit itself.

#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <iostream>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/registry.hpp"
#include "tests/support/sample_image.hpp"

namespace davit::tests {
namespace {

constexpr const char* usage =
    R"(usage: faulty-registry [OPTION]...

Serves an OCI registry from memory on a loopback port until its standard input closes. Writes its
address, the second port's address and, with TLS, the CA file's path to standard output, a line
each. Options:

  --fault NAME=VALUE;...   kind, method, path (regular expression), after, times (or "always"),
                           status, header (NAME: VALUE), body, bytes, delay (milliseconds),
                           closing=reset, port=blob_host; kinds are named as in fault.hpp
  --image REPOSITORY:TAG   holds a small image (amd64); --index: one of amd64 and arm64
  --log FILE               a line for each request: port, status, method, path, scheme of its
                           Authorization (or -), bytes of its body
  --access basic|bearer    user "user", password "secret"
  --anonymous-pull         a bearer token without credentials may pull
  --token-life SECONDS     how long tokens are good; announced alike
  --expired forbidden|bad-request      as ECR and ECR Public answer to expired tokens
  --tls on|client          with a certificate of a new CA; demands one of clients
  --certificate other-host|expired
  --redirect-blobs         GET of blobs goes to the second port
  --immutable-tags, --no-create, --lose-broken-uploads, --page-size N, --min-chunk BYTES
)";

struct Words {
  RegistryOptions options;
  std::vector<Fault> faults;
  std::vector<std::string> images;
  std::vector<std::string> indexes;
  std::string log;
};

template <class Value>
Value choose(const std::string& given,
             std::initializer_list<std::pair<std::string_view, Value>> choices) {
  for (const auto& [name, value] : choices) {
    if (name == given) return value;
  }
  throw std::invalid_argument("not one of the choices: " + given);
}

bool set_switch(RegistryOptions& options, const std::string& name) {
  if (name == "--anonymous-pull") {
    options.access.anonymous_rights = Rights::pull;
  } else if (name == "--redirect-blobs") {
    options.blobs = BlobDelivery::redirected;
  } else if (name == "--immutable-tags") {
    options.api.tags = Tags::immutable;
  } else if (name == "--no-create") {
    options.api.creation = Creation::beforehand;
  } else if (name == "--lose-broken-uploads") {
    options.api.broken_upload = BrokenUpload::lost;
  } else {
    return false;
  }
  return true;
}

void set_option(Words& words, const std::string& name, const std::string& value) {
  RegistryOptions& options = words.options;
  if (name == "--fault") {
    words.faults.push_back(parse_fault(value));
  } else if (name == "--image") {
    words.images.push_back(value);
  } else if (name == "--index") {
    words.indexes.push_back(value);
  } else if (name == "--log") {
    words.log = value;
  } else if (name == "--access") {
    options.access.kind =
        choose<AccessKind>(value, {{"basic", AccessKind::basic}, {"bearer", AccessKind::bearer}});
  } else if (name == "--token-life") {
    options.access.token_life = std::chrono::seconds(std::stoi(value));
    options.access.expires_in = std::stoi(value);
  } else if (name == "--expired") {
    options.access.expired =
        choose<ExpiredAnswer>(value, {{"forbidden", ExpiredAnswer::ecr_forbidden},
                                      {"bad-request", ExpiredAnswer::ecr_public_refusal}});
  } else if (name == "--tls") {
    options.tls = choose<Tls>(value, {{"on", Tls::on}, {"client", Tls::with_client_certificate}});
  } else if (name == "--certificate") {
    options.certificate = choose<Certificate>(
        value, {{"other-host", Certificate::other_host}, {"expired", Certificate::expired}});
  } else if (name == "--page-size") {
    options.api.page_size = std::stoul(value);
  } else if (name == "--min-chunk") {
    options.api.min_chunk = std::stoull(value);
  } else {
    throw std::invalid_argument("no such option: " + name);
  }
}

Words parse_words(const std::vector<std::string>& arguments) {
  Words words;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (set_switch(words.options, arguments[i])) continue;
    if (i + 1 == arguments.size()) throw std::invalid_argument("no value: " + arguments[i]);
    set_option(words, arguments[i], arguments[i + 1]);
    ++i;
  }
  return words;
}

std::pair<std::string, std::string> split_image(const std::string& name) {
  const std::size_t colon = name.rfind(':');
  if (colon == std::string::npos) throw std::invalid_argument("not REPOSITORY:TAG: " + name);
  return {name.substr(0, colon), name.substr(colon + 1)};
}

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

void write_log(std::FILE* log, const RecordedRequest& request) {
  const std::string scheme = request.authorization_scheme();
  fmt::print(log, "{} {} {} {} {} {}\n", request.port == Port::registry ? "registry" : "blob_host",
             request.status, request.method, request.target, scheme.empty() ? "-" : scheme,
             request.body_bytes);
  std::fflush(log);
}

void run(const Words& words) {
  File log(nullptr, &std::fclose);
  if (!words.log.empty()) log.reset(std::fopen(words.log.c_str(), "w"));
  if (!words.log.empty() && !log) throw std::invalid_argument("cannot write " + words.log);
  Registry registry(words.options);
  for (const std::string& image : words.images) {
    const auto [repository, tag] = split_image(image);
    make_image(registry, repository, tag);
  }
  for (const std::string& index : words.indexes) {
    const auto [repository, tag] = split_image(index);
    make_index(registry, repository, tag, {{}, {.seed = 2, .architecture = "arm64"}});
  }
  for (const Fault& fault : words.faults) registry.inject(fault);
  if (log) {
    registry.on_request([&log](const RecordedRequest& request) { write_log(log.get(), request); });
  }
  std::cout << registry.host() << '\n' << registry.blob_host() << '\n';
  if (words.options.tls != Tls::off) {
    std::cout << registry.ca_file().native() << '\n'
              << registry.client_certificate_file().native() << '\n'
              << registry.client_key_file().native() << '\n';
  }
  std::cout.flush();
  std::cin.ignore(std::numeric_limits<std::streamsize>::max());
}

}  // namespace
}  // namespace davit::tests

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (!arguments.empty() && (arguments[0] == "-h" || arguments[0] == "--help")) {
    std::cout << davit::tests::usage;
    return 0;
  }
  try {
    davit::tests::run(davit::tests::parse_words(arguments));
  } catch (const std::exception& error) {
    std::cerr << "faulty-registry: " << error.what() << '\n' << davit::tests::usage;
    return 2;
  }
  return 0;
}
