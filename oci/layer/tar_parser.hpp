#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "oci/base/stream.hpp"
#include "oci/layer/tar_fields.hpp"
#include "oci/layer/tar_header.hpp"

namespace davit::oci {

struct UstarHeader;

/// Whoever wants to know what is in a tar.
struct TarHandler {
  virtual ~TarHandler() = default;
  virtual void entry(const TarEntry& entry) = 0;
  /// A piece of the data of the last entry; together they are its `size` bytes.
  virtual void data(Bytes bytes) = 0;
};

/// Whether an archive may end without its two blocks of zeros, without the padding of its last file
/// or after headers that describe nothing. A layer whose digest is checked may, as some writers do;
/// elsewhere it is a sign of truncation.
enum class EndMarks { required, optional };

/// Reads a tar as it is pushed in: ustar, pax, GNU's long names and large numbers, v7. Holds an
/// extended header at most (1 MiB); data passes through without a copy.
///
/// Where readers differ it does what Go's archive/tar does, because that is what runs images:
/// links, directories and special files have no data whatever their size says, global pax headers
/// do not apply, what follows the end marks is ignored. What would make two readers see different
/// entries is refused: a malformed or repeated extended header, pax and GNU's long names for one
/// entry, a global path, link or size, a single zero block in the middle.
///
/// Throws Error(corrupt) naming `what`. Sparse files and unknown types are refused.
class TarParser final : public Sink {
 public:
  TarParser(TarHandler& handler, std::string what, EndMarks end_marks = EndMarks::required);

  void write(Bytes bytes) override;
  /// The archive ends here; throws Error(corrupt) if it should not.
  void finish();

 private:
  enum class State { header, extension, data, padding, end };

  Bytes take_header(Bytes bytes);
  Bytes take_content(Bytes bytes);
  std::optional<TarEntry> header(const UstarHeader& header);
  void zero_block();
  void begin_extension(char type, std::uint64_t size);
  void end_extension();
  TarEntry begin_entry(const UstarHeader& header);
  std::string name_of(const UstarHeader& header);
  void expect(std::uint64_t size, State state);
  template <class Action>
  auto located(Action action) const;

  TarHandler& handler_;
  const std::string what_;
  const EndMarks end_marks_;

  State state_ = State::header;
  std::uint64_t offset_ = 0;         // of the next byte
  std::uint64_t header_offset_ = 0;  // of the last header, for errors
  std::uint64_t missing_ = 0;        // of data, extension or padding
  std::size_t padding_ = 0;          // after them
  std::size_t zero_blocks_ = 0;

  std::array<std::byte, 512> block_;
  std::size_t filled_ = 0;

  char extension_type_ = '\0';
  std::string extension_;
  std::optional<PaxRecords> pax_;
  std::optional<std::string> long_name_;
  std::optional<std::string> long_link_;
};

}  // namespace davit::oci
