#pragma once

#include <functional>
#include <string>

#include "oci/model/manifest.hpp"

namespace davit::oci {

/// manifest.json, by which `docker load` and `podman load` find images in a tar of `docker save`:
/// for each tagged image of an OCI layout its config, its layers, which stay as they are, and its
/// names where they are full ones ("docker.io/library/alpine:3"). Of an index the image for this
/// machine's platform. `document` gives the bytes of a document.
std::string docker_manifest(const Index& index,
                            const std::function<std::string(const Descriptor&)>& document);

}  // namespace davit::oci
