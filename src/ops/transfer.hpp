#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "oci/base/progress.hpp"
#include "oci/store/copy.hpp"
#include "src/ops/places.hpp"

namespace davit::app {

struct TransferOptions {
  std::optional<oci::Platform> platform;  ///< one image of an index; otherwise the index whole
  std::size_t jobs = 8;
  Use use = Use::write;
  oci::Present present = oci::Present::trusted;
};

/// What the copies of a command have in common.
oci::CopyOptions copy_options(const TransferOptions& options, std::vector<std::string> tags = {});

/// Looks at an image that goes into an archive for Docker, before anything is sent: docker load
/// takes one image of an index, that for its machine. Error(not_found) where there is none.
void check_for_docker(const oci::Call& call, oci::Store& from, const oci::Descriptor& root);

/// Copies one image to every place, its bytes and so its digest unchanged. A place named without
/// a tag gets the one the source was named by. The source is read once: the other places get what
/// the first one got from there.
std::vector<Landed> copy_image(const oci::Call& call, Places& places, const Place& from,
                               const std::vector<Place>& to, const TransferOptions& options);

/// Adds tags to an image where it is.
Landed add_tags(const oci::Call& call, Places& places, const Place& image,
                const std::vector<std::string>& tags, Use use);

/// Joins images, possibly of several repositories, under the place's tag. Indexes among them give
/// their members. Platforms that an index does not say are read from the configs.
Landed create_index(const oci::Call& call, Places& places, const Place& to,
                    const std::vector<Place>& images, std::string_view index_type,
                    const oci::Annotations& annotations, const TransferOptions& options);

}  // namespace davit::app
