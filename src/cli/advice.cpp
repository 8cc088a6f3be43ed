#include "src/cli/advice.hpp"

#include <fmt/format.h>

#include "oci/base/bytes.hpp"

namespace davit::app {

std::string hint_of(const oci::Error& error) {
  using oci::Advice;
  const std::string about = oci::printable(error.hint());
  switch (error.advice()) {
    case Advice::none:
      return about;
    case Advice::log_in:
      return fmt::format("log in with `davit login {}`", about);
    case Advice::speak_plain_http:
      return "if it speaks plain HTTP: --plain-http";
    case Advice::trust_authority:
      return "trust its authority with --ca-file FILE, or anyone with --insecure";
    case Advice::create_repository:
      return about.empty() ? "the repository does not exist; --create makes it"
                           : fmt::format("davit ecr create {} makes it", about);
    case Advice::delete_by_digest:
      return "this registry deletes by digest only, which removes all tags of it: "
             "davit delete NAME@$(davit digest NAME:TAG)";
    case Advice::allow_more:
      return "davit unpack --max-size SIZE allows more";
    case Advice::name_layout:
      return "a layout in a directory is named oci:DIRECTORY";
    case Advice::name_archive:
      return "a layout in one file is named oci-archive:FILE";
    case Advice::name_tree:
      return "a directory is given with --rootfs DIR, or --layer DIR=/DEST";
    case Advice::name_tarball:
      return "a tarball is given with --layer TAR";
    case Advice::choose_oci_format:
      return "--format oci has";
    case Advice::choose_platform:
      return "--platform OS/ARCH chooses one";
    case Advice::expect_delta:
      return "a delta bundle is verified with --delta";
    case Advice::choose_aws_region:
      return "give --region, set AWS_REGION, or name the registry: "
             "ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME";
    case Advice::start_scan:
      return "davit ecr scan start";
    case Advice::wait_longer:
      return "davit ecr scan start, or a longer --wait";
  }
  return {};
}

}  // namespace davit::app
