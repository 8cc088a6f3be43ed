#include "oci/store/blobs_ahead.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "oci/base/error.hpp"

namespace davit::oci {
namespace {

constexpr std::uint64_t piece_size = 3 * MiB;
constexpr std::size_t most_ahead = 8;

/// Leaves out the bytes that its reader has already.
class Skip final : public Sink {
 public:
  Skip(Sink& to, std::uint64_t known) : to_(to), known_(known) {}
  void write(Bytes bytes) override {
    const std::uint64_t skipped = std::min<std::uint64_t>(known_, bytes.size());
    known_ -= skipped;
    if (bytes.size() > skipped) to_.write(bytes.subspan(skipped));
  }

 private:
  Sink& to_;
  std::uint64_t known_;
};

}  // namespace

struct BlobsAhead::Piece {
  std::size_t blob = 0;
  Part part;
  std::vector<std::byte> buffer = {};  ///< of its own from its first byte on
  std::uint64_t size = 0;
  bool loaded = false;
  bool given = true;  ///< false: the store gives no parts any more
  std::exception_ptr failure = nullptr;
};

/// Passes a stream on, and looks how much of the time was spent waiting for it.
class BlobsAhead::Stream final : public Sink {
 public:
  Stream(BlobsAhead& ahead, const Call& call, Sink& to) : ahead_(ahead), to_(to), stopper_(call) {}

  void write(Bytes bytes) override {
    const auto began = Clock::now();
    ahead_.waited_ += began - ended_;
    to_.write(bytes);
    taken_ += bytes.size();
    ended_ = Clock::now();
    ahead_.worked_ += ended_ - began;
    // A third of the time is more than copying takes from a server that is near.
    if (ahead_.waited_ >= ahead_.patience_ && ahead_.waited_ * 2 >= ahead_.worked_) {
      too_slow_ = true;
      stopper_.request_stop();
    }
  }
  std::uint64_t taken() const { return taken_; }
  /// Its call is stopped, for parts are going to be faster.
  bool too_slow() const { return too_slow_; }
  Call call() const { return stopper_.call(); }

 private:
  BlobsAhead& ahead_;
  Sink& to_;
  Stopper stopper_;
  bool too_slow_ = false;
  Clock::time_point ended_ = Clock::now();
  std::uint64_t taken_ = 0;
};

BlobsAhead::BlobsAhead(const Call& call, Store& store, std::vector<Descriptor> blobs,
                       Clock::duration patience)
    : store_(store), blobs_(std::move(blobs)), patience_(patience), group_(most_ahead, call) {
  if (patience_ != Clock::duration::zero()) return;
  auto state = state_.hold();
  state->way = Way::parts;
  fill(*state);
}

void BlobsAhead::fetch(const Call& call, std::size_t number, Sink& into) {
  const Descriptor& blob = blobs_.at(number);
  Verifier verifier(blob, into);
  std::uint64_t taken = 0;
  Way way = wait_for_turn(call, number);
  if (way == Way::stream) way = stream(call, number, verifier, taken);
  if (way == Way::whole) return store_.fetch(call, blob, into);
  while (taken < blob.size) {
    const std::shared_ptr<Piece> piece = next_piece(call, number);
    // Taken out, so that the thread that caught it has no part in its end.
    if (piece->failure) std::rethrow_exception(std::exchange(piece->failure, nullptr));
    if (!piece->given) {
      // One node of several may know no ranges, or the store stopped giving them.
      fetch_rest(call, number, verifier, taken);
      break;
    }
    verifier.write(Bytes(piece->buffer).first(piece->size));
    taken += piece->size;
    give_back(std::move(piece->buffer));
  }
  verifier.finish();
}

/// The rest of a blob, from one answer with the whole: what came already is passed over.
void BlobsAhead::fetch_rest(const Call& call, std::size_t number, Sink& into, std::uint64_t taken) {
  Skip rest(into, taken);
  store_.fetch(call, blobs_[number], rest);
  auto state = state_.hold();
  // The other pieces of this blob are nobody's.
  while (!state->ahead.empty() && state->ahead.front()->blob == number) {
    state.wait(call.stop, [&] { return state->ahead.front()->loaded; });
    state->ahead.pop_front();
  }
  if (state->next_blob == number) {
    state->next_blob = number + 1;
    state->next_offset = 0;
  }
  fill(*state);
  state.notify();
}

/// Streams come one after the other, pieces and whole blobs as they are asked for.
BlobsAhead::Way BlobsAhead::wait_for_turn(const Call& call, std::size_t number) {
  auto state = state_.hold();
  state.wait(call.stop, [&] { return state->way != Way::stream || state->turn == number; });
  return state->way;
}

/// Streams a blob to its end, or until it proves too slow. Says how what is left comes.
BlobsAhead::Way BlobsAhead::stream(const Call& call, std::size_t number, Sink& into,
                                   std::uint64_t& taken) {
  const Descriptor& blob = blobs_[number];
  Stream stream(*this, call, into);
  Way way = Way::stream;
  try {
    if (blob.size > 0 && !store_.fetch_part(stream.call(), blob, {0, blob.size}, stream)) {
      way = Way::whole;
    }
  } catch (const Error&) {
    if (!stream.too_slow() || call.stop.stop_requested()) throw;
  }
  // A stream that is too slow may still have come to its end before it heard of that.
  if (stream.too_slow()) way = Way::parts;
  taken = stream.taken();
  auto state = state_.hold();
  state->way = way;
  state->turn = number + 1;
  state->next_blob = number;
  state->next_offset = taken;
  if (way == Way::parts) fill(*state);
  state.notify();
  return way;
}

std::shared_ptr<BlobsAhead::Piece> BlobsAhead::next_piece(const Call& call, std::size_t number) {
  auto state = state_.hold();
  auto& ahead = state->ahead;
  state.wait(call.stop, [&] {
    return !ahead.empty() && ahead.front()->blob == number && ahead.front()->loaded;
  });
  std::shared_ptr<Piece> piece = std::move(ahead.front());
  ahead.pop_front();
  fill(*state);
  // The first is another reader's now, perhaps.
  state.notify();
  return piece;
}

/// Buffers go round: new ones would have to be cleared by the system.
std::vector<std::byte> BlobsAhead::take_buffer() {
  {
    auto state = state_.hold();
    if (!state->buffers.empty()) {
      std::vector<std::byte> buffer = std::move(state->buffers.back());
      state->buffers.pop_back();
      return buffer;
    }
  }
  return std::vector<std::byte>(piece_size);
}

void BlobsAhead::give_back(std::vector<std::byte> buffer) {
  state_.hold()->buffers.push_back(std::move(buffer));
}

void BlobsAhead::fill(State& state) {
  while (state.ahead.size() < most_ahead && schedule(state)) continue;
}

/// Begins the next piece; false if there is none.
bool BlobsAhead::schedule(State& state) {
  while (state.next_blob < blobs_.size() && state.next_offset == blobs_[state.next_blob].size) {
    ++state.next_blob;
    state.next_offset = 0;
  }
  if (state.next_blob == blobs_.size()) return false;
  const std::uint64_t left = blobs_[state.next_blob].size - state.next_offset;
  const Part part{state.next_offset, std::min(left, piece_size)};
  const auto piece = std::make_shared<Piece>(Piece{.blob = state.next_blob, .part = part});
  // First, for if no thread is to be had, nobody is to wait for the piece.
  group_.run([this, piece] { load(*piece); });
  state.ahead.push_back(piece);
  state.next_offset += part.size;
  return true;
}

void BlobsAhead::load(Piece& piece) {
  const Descriptor& blob = blobs_[piece.blob];
  try {
    FunctionSink sink([&](Bytes bytes) {
      if (piece.buffer.empty()) piece.buffer = take_buffer();
      if (bytes.size() > piece.part.size - piece.size) {
        throw Error(ErrorKind::corrupt, blob.digest.str() + ": a part is too long");
      }
      std::memcpy(piece.buffer.data() + piece.size, bytes.data(), bytes.size());
      piece.size += bytes.size();
    });
    piece.given = store_.fetch_part(group_.call(), blob, piece.part, sink);
    if (piece.given && piece.size != piece.part.size) {
      throw Error(ErrorKind::corrupt, blob.digest.str() + ": a part is too short");
    }
  } catch (...) {
    piece.failure = std::current_exception();
  }
  auto state = state_.hold();
  piece.loaded = true;
  state.notify();
}

}  // namespace davit::oci
