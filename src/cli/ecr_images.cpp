#include <fmt/format.h>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "src/cli/ecr_command.hpp"
#include "transport/ecr/clean.hpp"
#include "transport/ecr/images.hpp"
#include "transport/ecr/repositories.hpp"

namespace davit::app {
namespace {

using oci::Error;
using oci::ErrorKind;
using oci::printable;

/// "2 critical, 1 high"
std::string findings_text(const ecr::Image& image) {
  std::string text;
  for (const char* severity : {"CRITICAL", "HIGH", "MEDIUM", "LOW"}) {
    const auto found = image.findings.find(severity);
    if (found == image.findings.end()) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", found->second, severity);
  }
  return text;
}

Cell findings_json(const ecr::Image& image) {
  if (image.findings.empty()) return {};
  oci::Json json = oci::Json::object();
  for (const auto& [severity, count] : image.findings) json[severity] = count;
  return json;
}

void print_images(Output& out, const std::vector<ecr::Image>& images) {
  out.table("images", {{"DIGEST", ""},
                       {"", "digest"},
                       {"TAGS", "tags"},
                       {"", "mediaType"},
                       {"SIZE", "size"},
                       {"PUSHED", "pushed"},
                       {"LAST PULL", "lastPull"},
                       {"", "subject"},
                       {"FINDINGS", ""},
                       {"", "findings"}});
  for (const ecr::Image& image : images) {
    out.row({image.digest.substr(0, 19), image.digest, image.tags, image.media_type,
             Size{image.size}, Time{image.pushed},
             image.last_pull == 0 ? Cell() : Cell(Time{image.last_pull}), given(image.subject),
             findings_text(image), findings_json(image)});
  }
}

/// Deletes, says what is gone, and fails if something is not.
void remove(Session& session, const ecr::Place& place, const std::vector<std::string>& which) {
  const auto failures = ecr::delete_images(session.call(), session.ecr(), place, which);
  Output& out = session.output();
  std::vector<std::string> gone;
  for (const std::string& image : which) {
    const bool failed = std::any_of(failures.begin(), failures.end(),
                                    [&](const auto& failure) { return failure.image == image; });
    if (failed) continue;
    out.line(fmt::format("{} {}", place.name, image));
    gone.push_back(image);
  }
  out.member("deleted", gone);
  if (failures.empty()) return;
  out.finish();
  throw Error(
      ErrorKind::failed,
      fmt::format("{} of {} images of {} were not deleted; {}: {}", failures.size(), which.size(),
                  place.name, printable(failures.front().image), printable(failures.front().why)));
}

/// "30d", "12h", in seconds.
std::int64_t parse_age(const std::string& text) {
  const std::int64_t unit = text.ends_with('d') ? 86'400 : text.ends_with('h') ? 3600 : 0;
  const std::string number = text.substr(0, text.empty() ? 0 : text.size() - 1);
  if (unit == 0 || number.empty() || number.size() > 6 ||
      number.find_first_not_of("0123456789") != std::string::npos) {
    throw Error(ErrorKind::usage,
                fmt::format("--older-than: '{}' is not DAYSd or HOURSh", printable(text)));
  }
  return std::stoll(number) * unit;
}

}  // namespace

void declare_ecr_images(Arguments command) {
  auto words = std::make_shared<EcrWords>();
  words->declare_region(command);
  command.positional("NAME", words->place, "the repository");
  declare_common(command);
  command.run([words](Session& session) {
    print_images(session.output(),
                 ecr::list_images(session.call(), session.ecr(), words->parse_repository(session)));
  });
}

void declare_ecr_tags(Arguments command) {
  auto words = std::make_shared<EcrWords>();
  words->declare_region(command);
  command.positional("NAME", words->place, "the repository");
  declare_common(command);
  command.run([words](Session& session) {
    Output& out = session.output();
    out.table("tags", {{"TAG", "tag"}, {"DIGEST", "digest"}, {"PUSHED", "pushed"}});
    for (const ecr::Image& image :
         ecr::list_images(session.call(), session.ecr(), words->parse_repository(session))) {
      for (const std::string& tag : image.tags) out.row({tag, image.digest, Time{image.pushed}});
    }
  });
}

void declare_ecr_delete(Arguments command) {
  struct Words : EcrWords {
    bool all = false;
    bool force = false;
  };
  auto words = std::make_shared<Words>();
  words->declare_region(command);
  command.positional("PLACE", words->place, "NAME:TAG, NAME@DIGEST, or NAME with --repository");
  command.flag("--repository", words->all, "the repository itself");
  command.flag("--force", words->force, "with --repository: also if it holds images");
  command.footer("The last tag of an image takes the image with it.");
  declare_common(command);
  command.run([words](Session& session) {
    const ecr::Place place = words->parse_place(session);
    const bool names_image = place.tag || place.digest;
    if (words->all == names_image) {
      throw Error(ErrorKind::usage,
                  words->all ? "--repository goes with the bare name"
                             : place.name + " names no tag or digest",
                  "NAME:TAG or NAME@DIGEST is an image, --repository NAME a repository");
    }
    if (words->all) {
      ecr::Repositories(session.call(), session.ecr(), place.host).remove(place.name, words->force);
      session.output().line(place.name);
      session.output().member("deleted", place.name);
      return;
    }
    const std::string which = place.digest ? place.digest->str() : *place.tag;
    ecr::delete_image(session.call(), session.ecr(), place, which);
    session.output().line(fmt::format("{} {}", place.name, which));
    session.output().member("deleted", std::vector{which});
  });
}

void declare_ecr_clean(Arguments command) {
  struct Words : EcrWords {
    std::size_t keep_last = 0;
    std::string older_than;
    std::vector<std::string> keep;
    bool tagged = false;
    bool yes = false;
  };
  auto words = std::make_shared<Words>();
  words->declare_region(command);
  command.positional("NAME", words->place, "the repository");
  command.flag("--tagged", words->tagged, "tagged images too, not only those without a tag");
  command.number("--keep-last", "N", {0, 1'000'000}, words->keep_last,
                 "the newest so many tagged images stay");
  command.option("--older-than", "30d|12h", words->older_than, "younger images stay");
  command.list("--keep", "PATTERN|DIGEST", words->keep, "tags (with *) and digests that stay");
  command.flag("--yes", words->yes, "do it; without this it says what it would do");
  command.footer(
      "What has a tag stays, whatever it belongs to, unless --tagged is given. What stays keeps\n"
      "what it needs: the images of an index, signatures and SBOMs, and what those are of.\n"
      "Example:\n"
      "  davit ecr clean team/app --tagged --keep-last 30 --keep 'release-*' --older-than 14d "
      "--yes");
  declare_common(command);
  command.run([words](Session& session) {
    ecr::CleanRules rules;
    rules.keep_last = words->keep_last;
    rules.keep = words->keep;
    if (words->tagged) {
      rules.which = ecr::CleanRules::Which::all;
      if (rules.keep_last == 0 && rules.keep.empty() && words->older_than.empty()) {
        throw Error(ErrorKind::usage,
                    "--tagged without --keep-last, --keep or --older-than would "
                    "delete everything");
      }
    }
    if (!words->older_than.empty()) {
      rules.older_than = std::time(nullptr) - parse_age(words->older_than);
    }
    const ecr::Place place = words->parse_repository(session);
    const std::vector<ecr::Image> images = ecr::list_images(session.call(), session.ecr(), place);
    const std::vector<ecr::Image> gone = ecr::plan_clean(
        images, ecr::read_links(session.call(), session.ecr(), place, images), rules);
    std::uint64_t size = 0;
    std::vector<std::string> digests;
    for (const ecr::Image& image : gone) {
      size += image.size;
      digests.push_back(image.digest);
    }
    if (!words->yes) {
      print_images(session.output(), gone);
      session.remark(fmt::format("would delete {} of {} images, {}; --yes does it", gone.size(),
                                 images.size(), oci::human_size(size)));
      return;
    }
    if (!digests.empty()) remove(session, place, digests);
    session.remark(fmt::format("deleted {} of {} images, {}", gone.size(), images.size(),
                               oci::human_size(size)));
  });
}

}  // namespace davit::app
