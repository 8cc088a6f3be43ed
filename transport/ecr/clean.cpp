#include "transport/ecr/clean.hpp"

#include <algorithm>
#include <deque>
#include <optional>
#include <string_view>

#include "oci/model/digest.hpp"
#include "oci/model/media_type.hpp"

namespace davit::transport::ecr {
namespace {

constexpr std::string_view digest_prefix = "sha256:";
constexpr std::size_t digest_size = digest_prefix.size() + 64;

/// "*" stands for any characters. In time of the product of both lengths, whatever the pattern.
bool matches(std::string_view pattern, std::string_view text) {
  std::size_t at = 0;
  std::size_t in = 0;
  std::optional<std::size_t> star;  // the last one seen, and how much of the text it has taken
  std::size_t taken = 0;
  while (in < text.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      taken = in;
    } else if (at < pattern.size() && pattern[at] == text[in]) {
      ++at;
      ++in;
    } else if (star) {
      at = *star + 1;
      in = ++taken;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', at) == std::string_view::npos;
}

/// Every digest that stands in a text.
std::set<std::string> digests_in(std::string_view text) {
  std::set<std::string> found;
  for (auto at = text.find(digest_prefix); at != std::string_view::npos;
       at = text.find(digest_prefix, at + 1)) {
    const std::string candidate(text.substr(at, digest_size));
    if (oci::Digest::try_parse(candidate)) found.insert(candidate);
  }
  return found;
}

/// What a tag like "sha256-HEX" or "sha256-HEX.sig" refers to: the fallback of the referrers API
/// and cosign's signatures are found by such names.
std::optional<std::string> subject_of_tag(std::string_view tag) {
  constexpr std::string_view prefix = "sha256-";
  if (!tag.starts_with(prefix)) return std::nullopt;
  const std::string_view hex = tag.substr(prefix.size(), tag.find('.') - prefix.size());
  const std::string digest = std::string(digest_prefix) + std::string(hex);
  if (!oci::Digest::try_parse(digest)) return std::nullopt;
  return digest;
}

/// Whether tags were only given so that the image is found from what it refers to.
bool is_tagged_referrer(const Image& image) {
  return !image.tags.empty() &&
         std::all_of(image.tags.begin(), image.tags.end(),
                     [](const std::string& tag) { return subject_of_tag(tag).has_value(); });
}

bool is_named(const Image& image, const std::vector<std::string>& patterns) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    return pattern == image.digest ||
           std::any_of(image.tags.begin(), image.tags.end(),
                       [&](const std::string& tag) { return matches(pattern, tag); });
  });
}

/// What stays, found from what stays for its own sake.
class Keeping {
 public:
  Keeping(const std::vector<Image>& images, const Links& links) : links_(links) {
    for (const Image& image : images) {
      if (!image.subject.empty()) {
        subjects_[image.digest] = image.subject;
        referrers_[image.subject].insert(image.digest);
      }
      for (const std::string& tag : image.tags) {
        if (const auto subject = subject_of_tag(tag)) referrers_[*subject].insert(image.digest);
      }
    }
  }

  /// With what it refers to: a signature is worth nothing without what it signs.
  void keep(const std::string& digest) {
    std::string kept = digest;
    while (add(kept)) {
      const auto subject = subjects_.find(kept);
      if (subject == subjects_.end()) break;
      kept = subject->second;
    }
  }

  std::set<std::string> all() && {
    while (!open_.empty()) {
      const std::string digest = open_.front();
      open_.pop_front();
      add_all(links_.children, digest);
      add_all(referrers_, digest);
    }
    return std::move(kept_);
  }

 private:
  using Map = std::map<std::string, std::set<std::string>>;

  bool add(const std::string& digest) {
    if (!kept_.insert(digest).second) return false;
    open_.push_back(digest);
    return true;
  }

  void add_all(const Map& map, const std::string& digest) {
    const auto found = map.find(digest);
    if (found == map.end()) return;
    for (const std::string& one : found->second) add(one);
  }

  const Links& links_;
  std::map<std::string, std::string> subjects_;  // by what refers to them
  Map referrers_;                                // by what they refer to
  std::set<std::string> kept_;
  std::deque<std::string> open_;  // kept, but what they need is not looked at yet
};

}  // namespace

Links read_links(const oci::Call& call, Access& access, const Place& place,
                 const std::vector<Image>& images) {
  std::vector<Image> unsure;
  for (const Image& image : images) {
    if (!oci::is_manifest(image.media_type)) unsure.push_back(image);
  }
  Links links;
  read_documents(call, access, place, unsure, [&](const ReadDocument& read) {
    const std::string& digest = read.image.digest;
    if (read.document == nullptr) {
      links.unreadable.insert(digest);
      links.children[digest] = digests_in(read.text);
    } else if (const auto* index = std::get_if<oci::Index>(read.document)) {
      for (const oci::Descriptor& child : index->manifests) {
        links.children[digest].insert(child.digest.str());
      }
    }
  });
  return links;
}

std::vector<Image> plan_clean(const std::vector<Image>& images, const Links& links,
                              const CleanRules& rules) {
  Keeping keeping(images, links);
  std::size_t newest = 0;
  for (const Image& image : images) {
    const bool tagged = !image.tags.empty();
    const bool counts = tagged && !is_tagged_referrer(image);
    if (counts) ++newest;
    const bool spared = tagged && rules.which == CleanRules::Which::untagged;
    const bool among_newest = counts && newest <= rules.keep_last;
    const bool young = rules.older_than != 0 && image.pushed >= rules.older_than;
    if (spared || among_newest || young || is_named(image, rules.keep) ||
        links.unreadable.contains(image.digest)) {
      keeping.keep(image.digest);
    }
  }
  const std::set<std::string> kept = std::move(keeping).all();
  // ECR deletes nothing that an index lists.
  std::vector<Image> gone;
  for (const bool indexes : {true, false}) {
    for (const Image& image : images) {
      if (!kept.contains(image.digest) && oci::is_index(image.media_type) == indexes) {
        gone.push_back(image);
      }
    }
  }
  return gone;
}

}  // namespace davit::transport::ecr
