#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <vector>

#include "oci/base/monitor.hpp"
#include "oci/base/tasks.hpp"
#include "oci/store/store.hpp"

namespace davit::oci {

/// Fetches blobs for somebody who reads one after the other. Each comes in one stream as long as
/// that is faster than its reader. If the reader waits for it, because of the distance or because
/// each connection has its limit (S3), all that is left comes ahead of him in parts, several at the
/// same time, of which at most 24 MiB are in memory.
class BlobsAhead {
 public:
  using Clock = std::chrono::steady_clock;

  /// `store` lives longer. The blobs are in the order in which they will be read. In parts at once
  /// if `patience` is none.
  BlobsAhead(const Call& call, Store& store, std::vector<Descriptor> blobs,
             Clock::duration patience = std::chrono::milliseconds(100));
  BlobsAhead(const BlobsAhead&) = delete;
  BlobsAhead& operator=(const BlobsAhead&) = delete;

  /// Writes a blob, by its number, as Store::fetch does; each once. Several may be asked for at the
  /// same time: a later one waits until those before it were taken.
  void fetch(const Call& call, std::size_t number, Sink& into);

 private:
  struct Piece;
  class Stream;
  enum class Way { stream, parts, whole };
  struct State {
    Way way = Way::stream;
    std::size_t turn = 0;                      // the blob that may be streamed
    std::deque<std::shared_ptr<Piece>> ahead;  // in order, being loaded or loaded
    std::size_t next_blob = 0;                 // of the piece that comes after these
    std::uint64_t next_offset = 0;
    std::vector<std::vector<std::byte>> buffers;  // that nobody uses
  };

  Way wait_for_turn(const Call& call, std::size_t number);
  Way stream(const Call& call, std::size_t number, Sink& into, std::uint64_t& taken);
  void fetch_rest(const Call& call, std::size_t number, Sink& into, std::uint64_t taken);
  std::shared_ptr<Piece> next_piece(const Call& call, std::size_t number);
  void fill(State& state);
  bool schedule(State& state);
  void load(Piece& piece);
  std::vector<std::byte> take_buffer();
  void give_back(std::vector<std::byte> buffer);

  Store& store_;
  const std::vector<Descriptor> blobs_;
  const Clock::duration patience_;
  Clock::duration waited_{};  // for streams, by whose turn it is
  Clock::duration worked_{};  // on what they brought

  Monitor<State> state_;
  TaskGroup group_;
};

}  // namespace davit::oci
