#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "transport/ecr/images.hpp"

namespace davit::transport::ecr {

/// What a repository takes: each layer once, however many images have it.
struct Usage {
  std::string repository;
  std::size_t images = 0;
  std::size_t tags = 0;
  std::uint64_t billed = 0;    ///< the sum of the images' sizes as ECR counts them
  std::uint64_t distinct = 0;  ///< each blob once
};

/// Adds up images. One whose manifest cannot be read counts with the size that ECR says.
class UsageCounter {
 public:
  explicit UsageCounter(std::string repository) { usage_.repository = std::move(repository); }

  void add(const Image& image, const oci::Document* document);
  const Usage& usage() const { return usage_; }

 private:
  void add_blob(const std::string& digest, std::uint64_t size);

  Usage usage_;
  std::set<std::string> known_;  // digests
};

Usage disk_usage(const oci::Call& call, Access& access, const Place& place);

}  // namespace davit::transport::ecr
