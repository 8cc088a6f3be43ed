#include "oci/model/reference.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

#include "oci/base/error.hpp"
#include "oci/base/text.hpp"

namespace davit::oci {
namespace {

bool lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool alphanumeric(char c) { return lower_or_digit(c) || (c >= 'A' && c <= 'Z'); }

/// [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*
bool is_component(std::string_view text) {
  if (text.empty() || !lower_or_digit(text.front()) || !lower_or_digit(text.back())) return false;
  for (std::size_t i = 0; i < text.size();) {
    if (lower_or_digit(text[i])) {
      ++i;
      continue;
    }
    const std::size_t end =
        std::min(text.find_first_of("abcdefghijklmnopqrstuvwxyz0123456789", i), text.size());
    const std::string_view separator = text.substr(i, end - i);
    const bool dashes = separator.find_first_not_of('-') == std::string_view::npos;
    if (!dashes && separator != "." && separator != "_" && separator != "__") return false;
    i = end;
  }
  return true;
}

bool is_port(std::string_view text) { return text.size() <= 5 && parse_number(text, 65535); }

bool looks_like_host(std::string_view text) {
  return text == "localhost" || text.find_first_of(".:[") != std::string_view::npos;
}

}  // namespace

bool is_tag(std::string_view text) {
  if (text.empty() || text.size() > 128) return false;
  if (!alphanumeric(text[0]) && text[0] != '_') return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return alphanumeric(c) || c == '_' || c == '.' || c == '-'; });
}

bool is_repository(std::string_view text) {
  if (text.size() > 255) return false;
  while (true) {
    const auto slash = text.find('/');
    if (!is_component(text.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    text = text.substr(slash + 1);
  }
}

bool is_registry(std::string_view text) {
  std::string_view host = text;
  if (text.starts_with('[')) {
    const auto bracket = text.find(']');
    if (bracket == std::string_view::npos) return false;
    in6_addr ignored{};
    const std::string address(text.substr(1, bracket - 1));
    if (address.find('\0') != std::string::npos ||
        ::inet_pton(AF_INET6, address.c_str(), &ignored) != 1) {
      return false;
    }
    const std::string_view rest = text.substr(bracket + 1);
    return rest.empty() || (rest[0] == ':' && is_port(rest.substr(1)));
  }
  if (const auto colon = text.find(':'); colon != std::string_view::npos) {
    if (!is_port(text.substr(colon + 1))) return false;
    host = text.substr(0, colon);
  }
  if (host.empty() || host.size() > 253) return false;
  while (true) {
    const auto dot = host.find('.');
    const std::string_view label = host.substr(0, dot);
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') {
      return false;
    }
    if (!std::all_of(label.begin(), label.end(),
                     [](char c) { return alphanumeric(c) || c == '-' || c == '_'; })) {
      return false;
    }
    if (dot == std::string_view::npos) return true;
    host = host.substr(dot + 1);
  }
}

Reference Reference::parse(std::string_view text) {
  const auto bad = [&](std::string_view why) {
    return Error(
        ErrorKind::usage,
        fmt::format("'{}' is not an image reference: {}", printable(text.substr(0, 300)), why),
        "a reference is [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]");
  };
  Reference reference;
  std::string_view rest = text;
  if (const auto at = rest.find('@'); at != std::string_view::npos) {
    reference.digest = Digest::try_parse(rest.substr(at + 1));
    if (!reference.digest) throw bad("what stands after @ is not a digest");
    rest = rest.substr(0, at);
  }
  const auto slash = rest.find('/');
  const std::string_view first = rest.substr(0, slash);
  const std::string lower = lower_case(first);
  // Docker takes a first component with an upper-case letter for a host, since repositories have
  // none.
  if (slash != std::string_view::npos && (looks_like_host(lower) || lower != first)) {
    if (!is_registry(first)) throw bad("the registry's name is malformed");
    // A host that only its upper case shows to be one keeps it: in lower case it would be read
    // back as part of a repository.
    reference.registry = looks_like_host(lower) ? lower : first;
    rest = rest.substr(slash + 1);
  } else {
    reference.registry = "docker.io";
  }
  if (reference.registry == "index.docker.io" || reference.registry == "registry-1.docker.io") {
    reference.registry = "docker.io";
  }
  if (const auto colon = rest.rfind(':'); colon != std::string_view::npos) {
    reference.tag = std::string(rest.substr(colon + 1));
    if (!is_tag(*reference.tag)) throw bad("the tag is malformed");
    rest = rest.substr(0, colon);
  }
  if (rest.empty()) throw bad("there is no repository");
  if (lower_case(rest) != rest) throw bad("a repository's name is lower case");
  reference.repository = rest;
  if (reference.registry == "docker.io" && rest.find('/') == std::string_view::npos) {
    reference.repository = "library/" + reference.repository;
  }
  if (!is_repository(reference.repository)) throw bad("the repository's name is malformed");
  return reference;
}

std::string Reference::identifier() const {
  if (digest) return digest->str();
  return tag.value_or("latest");
}

std::string Reference::str() const {
  std::string text = name();
  if (tag) text += ":" + *tag;
  if (digest) text += "@" + digest->str();
  return text;
}

}  // namespace davit::oci
