#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "transport/ecr/access.hpp"
#include "transport/ecr/place.hpp"

namespace davit::transport::ecr {

struct Image {
  std::string digest;
  std::vector<std::string> tags;
  std::string media_type;
  std::string subject;                            ///< what it refers to: of signatures, SBOMs
  std::uint64_t size = 0;                         ///< bytes, as ECR counts and bills
  std::int64_t pushed = 0;                        ///< seconds since 1970
  std::int64_t last_pull = 0;                     ///< 0: never recorded
  std::map<std::string, std::uint64_t> findings;  ///< by severity, where a scan is at hand
};

/// All images of a repository, those pushed last first.
std::vector<Image> list_images(Access& access, const Place& place);

/// An image that could not be deleted, and why.
struct DeletionFailure {
  std::string image;
  std::string why;
};

/// Deletes images by digest ("sha256:...") or tags alone, as `which` says, 100 in a call. The last
/// tag takes its image with it. Returns what was not deleted.
std::vector<DeletionFailure> delete_images(Access& access, const Place& place,
                                           const std::vector<std::string>& which);

/// The same for one image, by digest or tag. Throws Error(not_found), Error(failed).
void delete_image(Access& access, const Place& place, const std::string& which);

/// What may go, and what stays.
struct CleanRules {
  std::size_t keep_last = 0;      ///< the newest so many tagged images stay
  std::int64_t older_than = 0;    ///< pushed before this time, seconds since 1970; 0: any
  std::vector<std::string> keep;  ///< tags (with * wildcards) and digests that stay
  enum class Which { untagged, all } which = Which::untagged;
};

/// The images that the rules give up. What is kept keeps what it needs: the children of its index,
/// and what refers to it.
std::vector<Image> plan_clean(Access& access, const Place& place, const std::vector<Image>& images,
                              const CleanRules& rules);

/// What a repository takes: each layer once, however many images have it.
struct Usage {
  std::string repository;
  std::size_t images = 0;
  std::size_t tags = 0;
  std::uint64_t billed = 0;    ///< the sum of the images' sizes as ECR counts them
  std::uint64_t distinct = 0;  ///< each blob once
};
Usage disk_usage(Access& access, const Place& place);

}  // namespace davit::transport::ecr
