#include "transport/ecr/host.hpp"

#include <algorithm>
#include <array>

#include "oci/base/text.hpp"

namespace davit::transport::ecr {
namespace {

// The partitions aws and aws-us-gov, aws-cn, aws-eusc, aws-iso, -b, -e and -f.
constexpr std::array<std::string_view, 7> suffixes = {
    "amazonaws.com", "amazonaws.com.cn", "amazonaws.eu",   "c2s.ic.gov",
    "sc2s.sgov.gov", "cloud.adc-e.uk",   "csp.hci.ic.gov",
};
constexpr std::array<std::string_view, 7> dual_stack_suffixes = {
    "on.aws",        "on.amazonwebservices.com.cn", "on.amazonwebservices.eu", "on.aws.ic.gov",
    "on.aws.scloud", "on.cloud-aws.adc-e.uk",       "on.aws.hci.ic.gov",
};

/// Takes the text up to a separator and the separator away from the front.
std::optional<std::string_view> take_until(std::string_view& text, std::string_view separator) {
  const auto at = text.find(separator);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(at + separator.size());
  return taken;
}

bool is_account(std::string_view text) {
  return text.size() == 12 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_region(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !text.empty() && text.size() <= 25 && text.front() != '-' &&
         std::all_of(text.begin(), text.end(), allowed);
}

}  // namespace

std::optional<Host> parse_host(std::string_view text) {
  const std::string lower = oci::lower_case(text);
  std::string_view rest = std::string_view(lower).substr(0, lower.find(':'));
  if (rest == "public.ecr.aws" || rest == "ecr-public.aws.com") {
    return Host{.account = {},
                .region = "us-east-1",
                .fips = false,
                .dual_stack = rest == "ecr-public.aws.com",
                .is_public = true};
  }
  const auto account = take_until(rest, ".");
  if (!account || !is_account(*account) || !rest.starts_with("dkr")) return std::nullopt;
  rest.remove_prefix(3);
  if (!rest.starts_with(".ecr") && !rest.starts_with("-ecr")) return std::nullopt;
  rest.remove_prefix(4);
  Host host{.account = std::string(*account), .region = {}};
  const auto flavour = take_until(rest, ".");
  if (!flavour || (!flavour->empty() && *flavour != "-fips")) return std::nullopt;
  host.fips = !flavour->empty();
  const auto region = take_until(rest, ".");
  if (!region || !is_region(*region)) return std::nullopt;
  host.region = *region;
  host.dual_stack = oci::is_one_of(dual_stack_suffixes, rest);
  if (!host.dual_stack && !oci::is_one_of(suffixes, rest)) return std::nullopt;
  return host;
}

}  // namespace davit::transport::ecr
