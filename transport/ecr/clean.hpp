#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "transport/ecr/images.hpp"

namespace davit::transport::ecr {

/// What may go, and what stays.
struct CleanRules {
  std::size_t keep_last = 0;      ///< the newest so many tagged images stay
  std::int64_t older_than = 0;    ///< pushed before this time, seconds since 1970; 0: any
  std::vector<std::string> keep;  ///< tags (with * wildcards) and digests that stay
  enum class Which { untagged, all } which = Which::untagged;
};

/// What the documents of a repository say of each other.
struct Links {
  std::map<std::string, std::set<std::string>> children;  ///< by the digest of the index
  std::set<std::string> unreadable;                       ///< digests
};

/// Reads what the indexes among the images list. Of one that cannot be read every digest in its
/// text counts as listed.
Links read_links(const oci::Call& call, Access& access, const Place& place,
                 const std::vector<Image>& images);

/// The images that the rules give up, an index before what it lists. `images` are those pushed last
/// first.
///
/// An image stays for its own sake if it has a tag (unless `which` is `all`), if `keep` names it,
/// if it is among the newest tagged ones or younger than `older_than`, or if it cannot be read;
/// that it belongs to another image takes nothing away from that. What stays keeps what it needs:
/// what an index lists, at any depth; what it refers to; and what refers to it, by its subject or,
/// as cosign does, by a tag "sha256-HEX" or "sha256-HEX.sig".
std::vector<Image> plan_clean(const std::vector<Image>& images, const Links& links,
                              const CleanRules& rules);

}  // namespace davit::transport::ecr
