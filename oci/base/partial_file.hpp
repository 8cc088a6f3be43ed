#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/base/volumes.hpp"

namespace davit::oci {

/// A file that is written in parts, in any order, and that outlives a writer which is stopped or
/// killed: a second file beside it, NAME.marks, says how much of each part is there, so that the
/// next writer goes on. After a power failure the marks may promise more than there is: what was
/// kept is verified before it is trusted. One process writes it at a time; members may be called
/// from several threads, mark() by one for each part.
class PartialFile {
 public:
  /// What is written: `plan` stands for its content and order. What is there for another plan
  /// is dropped. Null while another process writes the file.
  static std::unique_ptr<PartialFile> open(std::filesystem::path name, std::string_view plan,
                                           std::size_t parts,
                                           std::optional<std::uint64_t> volume_size = {});

  /// Removes it if nothing is marked, so that there is nothing to go on with.
  ~PartialFile();
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  Volumes& data() { return *data_; }

  /// Bytes of a part that are there, from its first on, as this writer or an earlier one marked.
  std::uint64_t marked(std::size_t part) const { return marks_[part]; }
  void mark(std::size_t part, std::uint64_t bytes);

  /// Cuts it off at a size, makes it durable, and gives it its name, see Volumes.
  void commit(const std::filesystem::path& name, std::uint64_t size);

 private:
  PartialFile(std::filesystem::path name, Fd marks_file, std::optional<std::uint64_t> volume_size);
  void read_marks(const std::string& header, std::size_t parts);
  void clear_marks() const;
  void discard();

  const std::string name_;  // for errors
  const std::filesystem::path marks_path_;
  Fd marks_file_;
  std::size_t header_size_ = 0;
  std::vector<std::uint64_t> marks_;
  std::unique_ptr<Volumes> data_;
  bool committed_ = false;
};

}  // namespace davit::oci
