#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "oci/store/store.hpp"
#include "transport/http/retry.hpp"
#include "transport/http/transport.hpp"

namespace davit::transport {

/// Where a repository is and how it is spoken to.
struct RepositoryPlace {
  std::string registry;    ///< as people write it: "docker.io"
  Origin origin;           ///< as it is spoken to: "https://registry-1.docker.io"
  std::string repository;  ///< "library/python"
  /// Blobs greater than this go there in chunks of so many bytes; 0: whole.
  std::uint64_t chunk_size = 0;
};

/// A repository of a registry as a Store (distribution-spec 1.1). The transport, which must live
/// longer, authenticates and retries single requests; this object knows which requests make up
/// what a store does. tag() of what is tagged so already succeeds, also under an immutable tag.
std::unique_ptr<oci::Store> make_repository(Transport& transport, RepositoryPlace place,
                                            RetryOptions retry);

/// The repositories of a registry (distribution-spec, "Catalog", optional for registries).
std::vector<std::string> catalog(const oci::Call& call, Transport& transport, const Origin& origin);

}  // namespace davit::transport
