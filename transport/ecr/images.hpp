#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "oci/model/manifest.hpp"
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
std::vector<Image> list_images(const oci::Call& call, Access& access, const Place& place);

/// What `read_documents` found of one image: its bytes as ECR keeps them, and what they say. No
/// document: it cannot be read, such as an image of Docker's schema 1.
struct ReadDocument {
  const Image& image;
  std::string_view text;
  const oci::Document* document = nullptr;
};

/// Calls `each` once for every image, with its manifest or index, fetched 100 in a call. One that
/// cannot be read is a warning, not an error: the others are what the caller is after.
void read_documents(const oci::Call& call, Access& access, const Place& place,
                    const std::vector<Image>& images,
                    const std::function<void(const ReadDocument&)>& each);

/// An image that could not be deleted, and why.
struct DeletionFailure {
  std::string image;
  std::string why;
};

/// Deletes images by digest ("sha256:...") or tags alone, as `which` says, 100 in a call. The last
/// tag takes its image with it. What an index lists goes once that index is gone, whatever the
/// order. Returns what was not deleted.
std::vector<DeletionFailure> delete_images(const oci::Call& call, Access& access,
                                           const Place& place,
                                           const std::vector<std::string>& which);

/// The same for one image, by digest or tag. Throws Error(not_found), Error(failed).
void delete_image(const oci::Call& call, Access& access, const Place& place,
                  const std::string& which);

}  // namespace davit::transport::ecr
