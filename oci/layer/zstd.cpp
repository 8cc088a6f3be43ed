#include "oci/layer/zstd.hpp"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>

#include "oci/base/error.hpp"

namespace davit::oci {
namespace {

/// What one worker compresses at a time: about twice the level's window. Part of the format, as it
/// decides how far matches reach. libzstd's own choice is twice that, and twice the memory.
int job_size(int level) {
  if (level <= 6) return 4 * MiB;
  return level <= 15 ? 8 * MiB : 16 * MiB;
}

/// Which share of the window a job takes over from the one before: 7 is a quarter, with which the
/// small jobs of the fast levels lose nothing; 0 is libzstd's choice, from a quarter to all.
int overlap_log(int level) { return level <= 6 ? 7 : 0; }

/// Levels beyond 19 would look back further than the 8 MiB that every decoder has to support
/// (RFC 8878, 3.1.1.1.2).
constexpr int greatest_window_log = 23;

constexpr std::size_t output_size = 512 * KiB;

struct ContextDeleter {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

}  // namespace

struct ZstdWriter::State {
  explicit State(Sink& sink) : to(sink) {}

  void set(ZSTD_cParameter parameter, int value) {
    check(ZSTD_CCtx_setParameter(context.get(), parameter, value));
  }
  static std::size_t check(std::size_t result) {
    if (ZSTD_isError(result) == 0) return result;
    throw Error(ErrorKind::failed, fmt::format("zstd: {}", ZSTD_getErrorName(result)));
  }
  /// One step; returns what libzstd still holds back of a frame that is to end.
  std::size_t step(ZSTD_inBuffer& in, ZSTD_EndDirective directive) {
    ZSTD_outBuffer out{buffer.get(), output_size, used};
    const std::size_t left = check(ZSTD_compressStream2(context.get(), &out, &in, directive));
    used = out.pos;
    if (used == output_size) flush();
    return left;
  }
  void flush() {
    to.write({buffer.get(), used});
    used = 0;
  }

  Sink& to;
  std::unique_ptr<ZSTD_CCtx, ContextDeleter> context{ZSTD_createCCtx()};
  std::unique_ptr<std::byte[]> buffer = std::make_unique_for_overwrite<std::byte[]>(output_size);
  std::size_t used = 0;
};

ZstdWriter::ZstdWriter(int level, std::size_t workers, Sink& to)
    : state_(std::make_unique<State>(to)) {
  if (!state_->context) throw Error(ErrorKind::failed, "zstd cannot start to compress");
  state_->set(ZSTD_c_compressionLevel, level);
  state_->set(ZSTD_c_nbWorkers, static_cast<int>(std::clamp<std::size_t>(workers, 1, 64)));
  state_->set(ZSTD_c_jobSize, job_size(level));
  state_->set(ZSTD_c_overlapLog, overlap_log(level));
  if (level > 19) state_->set(ZSTD_c_windowLog, greatest_window_log);
}

ZstdWriter::~ZstdWriter() = default;

void ZstdWriter::write(Bytes bytes) {
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  while (in.pos < in.size) state_->step(in, ZSTD_e_continue);
}

void ZstdWriter::finish() {
  ZSTD_inBuffer nothing{nullptr, 0, 0};
  while (state_->step(nothing, ZSTD_e_end) > 0) continue;
  if (state_->used > 0) state_->flush();
}

}  // namespace davit::oci
