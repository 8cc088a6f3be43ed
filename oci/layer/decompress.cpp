#include "oci/layer/decompress.hpp"

#include <fmt/format.h>
#include <lzma.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <array>
#include <string>

#include "oci/base/error.hpp"
#include "oci/layer/deflate.hpp"

namespace davit::oci {
namespace {

/// Passed on at a time: near what fits into a core's cache beside a window.
constexpr std::size_t output_size = 256 * KiB;

/// The most memory a file may ask for; `zstd --long` and `xz -9` stay within it.
constexpr int greatest_window_log = 27;
constexpr std::uint64_t greatest_dictionary = std::uint64_t{1} << greatest_window_log;

class Plain final : public Decompressor {
 public:
  explicit Plain(Sink& to) : to_(to) {}
  void write(Bytes bytes) override { to_.write(bytes); }
  void finish() override {}

 private:
  Sink& to_;
};

/// What the three have in common: a buffer that goes out when it is full, and errors.
class Filter : public Decompressor {
 protected:
  Filter(Sink& to, std::string_view what) : to_(to), what_(what) {}

  std::span<std::byte> room() { return {buffer_.get(), output_size}; }
  void pass_on(std::size_t filled) {
    if (filled > 0) to_.write({buffer_.get(), filled});
  }

  Error damaged() const {
    return Error(ErrorKind::corrupt, fmt::format("{}: the compressed data is damaged", what_));
  }
  Error truncated() const {
    return Error(ErrorKind::corrupt, fmt::format("{}: the compressed data is cut off", what_));
  }
  Error garbage() const {
    return Error(ErrorKind::corrupt,
                 fmt::format("{}: something follows the compressed data", what_));
  }
  Error too_large() const {
    return Error(ErrorKind::refused, fmt::format("{}: decompressing it needs more than {} MiB",
                                                 what_, greatest_dictionary / MiB));
  }

 private:
  Sink& to_;
  std::string what_;
  std::unique_ptr<std::byte[]> buffer_ = std::make_unique_for_overwrite<std::byte[]>(output_size);
};

class Gunzip final : public Filter {
 public:
  Gunzip(Sink& to, std::string_view what) : Filter(to, what) {}

  void write(Bytes bytes) override {
    while (!bytes.empty()) {
      if (place_ == Place::member) {
        inflate(bytes);
      } else if (place_ == Place::between && bytes.front() == magic) {
        inflater_->reset();
        place_ = Place::member;
      } else {
        // Tapes and block devices pad with zeros; nothing but zeros may follow then.
        place_ = Place::padding;
        const bool zeros =
            std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
        if (!zeros) throw garbage();
        return;
      }
    }
  }

  void finish() override {
    if (place_ == Place::member) throw truncated();
  }

 private:
  enum class Place { member, between, padding };
  static constexpr std::byte magic{0x1f};

  void inflate(Bytes& bytes) {
    std::size_t filled = 0;
    do {
      const auto state = inflater_->inflate(bytes, room(), filled);
      pass_on(filled);
      if (state == MemberInflater::State::corrupt) throw damaged();
      if (state == MemberInflater::State::end) {
        place_ = Place::between;
        return;
      }
    } while (!bytes.empty() || filled == output_size);
  }

  std::unique_ptr<MemberInflater> inflater_ = make_fast_inflater();
  Place place_ = Place::member;
};

class Unzstd final : public Filter {
 public:
  Unzstd(Sink& to, std::string_view what) : Filter(to, what), context_(ZSTD_createDCtx()) {
    if (!context_) throw Error(ErrorKind::failed, "zstd cannot start to decompress");
    ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, greatest_window_log);
  }

  void write(Bytes bytes) override {
    if (bytes.empty()) return;
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    bool full = false;
    do {
      ZSTD_outBuffer out{room().data(), room().size(), 0};
      const std::size_t result = ZSTD_decompressStream(context_.get(), &out, &in);
      if (ZSTD_isError(result) != 0) throw failure(result);
      pass_on(out.pos);
      between_frames_ = result == 0;
      full = out.pos == out.size && !between_frames_;
    } while (in.pos < in.size || full);
    begun_ = true;
  }

  void finish() override {
    if (!begun_ || !between_frames_) throw truncated();
  }

 private:
  struct ContextDeleter {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };

  Error failure(std::size_t result) const {
    switch (ZSTD_getErrorCode(result)) {
      case ZSTD_error_frameParameter_windowTooLarge:
        return too_large();
      case ZSTD_error_prefix_unknown:
        return begun_ ? garbage() : damaged();
      default:
        return damaged();
    }
  }

  std::unique_ptr<ZSTD_DCtx, ContextDeleter> context_;
  bool begun_ = false;
  bool between_frames_ = false;
};

class Unxz final : public Filter {
 public:
  Unxz(Sink& to, std::string_view what) : Filter(to, what) {
    if (lzma_stream_decoder(&stream_, greatest_dictionary, LZMA_CONCATENATED) != LZMA_OK) {
      throw Error(ErrorKind::failed, "liblzma cannot start to decompress");
    }
  }
  ~Unxz() override { lzma_end(&stream_); }
  Unxz(const Unxz&) = delete;
  Unxz& operator=(const Unxz&) = delete;

  void write(Bytes bytes) override {
    stream_.next_in = raw(bytes);
    stream_.avail_in = bytes.size();
    while (stream_.avail_in > 0 && step(LZMA_RUN) == LZMA_OK) continue;
  }

  void finish() override {
    lzma_ret result = LZMA_OK;
    while (result == LZMA_OK) result = step(LZMA_FINISH);
    if (result != LZMA_STREAM_END) throw truncated();
  }

 private:
  lzma_ret step(lzma_action action) {
    stream_.next_out = reinterpret_cast<std::uint8_t*>(room().data());
    stream_.avail_out = room().size();
    const lzma_ret result = lzma_code(&stream_, action);
    pass_on(room().size() - stream_.avail_out);
    switch (result) {
      case LZMA_OK:
      case LZMA_STREAM_END:
      case LZMA_BUF_ERROR:  // there was nothing to do
        return result;
      case LZMA_MEMLIMIT_ERROR:
        throw too_large();
      case LZMA_MEM_ERROR:
        throw std::bad_alloc();
      default:
        throw damaged();
    }
  }

  lzma_stream stream_ = LZMA_STREAM_INIT;
};

class Sniffing final : public Decompressor {
 public:
  Sniffing(Sink& to, std::string_view what) : to_(to), what_(what) {}

  void write(Bytes bytes) override {
    if (!chosen_) {
      const Bytes missing = bytes.first(std::min(bytes.size(), magic_size - first_.size()));
      first_ += text_of(missing);
      bytes = bytes.subspan(missing.size());
      if (first_.size() < magic_size) return;
      choose();
    }
    if (!bytes.empty()) chosen_->write(bytes);
  }

  void finish() override {
    if (!chosen_) choose();
    chosen_->finish();
  }

 private:
  void choose() {
    chosen_ = make_decompressor(sniff(bytes_of(first_)), to_, what_);
    chosen_->write(bytes_of(first_));
  }

  Sink& to_;
  std::string what_;
  std::string first_;
  std::unique_ptr<Decompressor> chosen_;
};

bool starts_with(Bytes bytes, std::initializer_list<unsigned char> magic) {
  return bytes.size() >= magic.size() && std::equal(magic.begin(), magic.end(), raw(bytes));
}

}  // namespace

Encoding sniff(Bytes first_bytes) {
  if (starts_with(first_bytes, {0x1f, 0x8b})) return Encoding::gzip;
  if (starts_with(first_bytes, {0x28, 0xb5, 0x2f, 0xfd})) return Encoding::zstd;
  if (starts_with(first_bytes, {0xfd, '7', 'z', 'X', 'Z', 0x00})) return Encoding::xz;
  // A skippable frame, the first of sixteen kinds: RFC 8878, 3.1.2.
  const bool skippable = first_bytes.size() >= 4 && (raw(first_bytes)[0] & 0xf0) == 0x50 &&
                         starts_with(first_bytes.subspan(1), {0x2a, 0x4d, 0x18});
  return skippable ? Encoding::zstd : Encoding::none;
}

std::unique_ptr<Decompressor> make_decompressor(Encoding encoding, Sink& to,
                                                std::string_view what) {
  switch (encoding) {
    case Encoding::gzip:
      return std::make_unique<Gunzip>(to, what);
    case Encoding::zstd:
      return std::make_unique<Unzstd>(to, what);
    case Encoding::xz:
      return std::make_unique<Unxz>(to, what);
    case Encoding::none:
      break;
  }
  return std::make_unique<Plain>(to);
}

std::unique_ptr<Decompressor> make_sniffing_decompressor(Sink& to, std::string_view what) {
  return std::make_unique<Sniffing>(to, what);
}

}  // namespace davit::oci
