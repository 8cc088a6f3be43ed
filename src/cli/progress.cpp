#include "src/cli/progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <stop_token>
#include <vector>

#include "oci/base/error.hpp"
#include "oci/base/tasks.hpp"
#include "oci/base/threads.hpp"
#include "oci/model/json.hpp"
#include "src/cli/terminal.hpp"

namespace davit::app {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using oci::BlobEvent;
using oci::BlobState;

std::string_view state_name(BlobState state) {
  switch (state) {
    case BlobState::waiting:
      return "waiting";
    case BlobState::checking:
      return "checking";
    case BlobState::building:
      return "building";
    case BlobState::copying:
      return "copying";
    case BlobState::done:
      return "done";
    case BlobState::exists:
      return "exists";
    case BlobState::mounted:
      return "mounted";
    case BlobState::skipped:
      return "skipped";
    case BlobState::failed:
      return "failed";
  }
  return "";
}

bool is_final(BlobState state) { return state >= BlobState::done; }

/// "sha256:0123456789ab" for a digest, anything else whole.
std::string brief(const std::string& id) {
  return id.starts_with("sha") && id.size() > 19 ? id.substr(0, 19) : id;
}

/// One blob as it was last heard of.
struct Row {
  BlobEvent event;
  Clock::time_point began = Clock::now();

  double seconds() const { return std::chrono::duration<double>(Clock::now() - began).count(); }
  std::string rate() const {
    const double time = std::max(seconds(), 0.001);
    return oci::human_size(static_cast<std::uint64_t>(static_cast<double>(moved()) / time)) + "/s";
  }
  std::uint64_t moved() const { return event.bytes - std::min(event.bytes, event.kept); }
  std::string finished_line() const {
    const std::string size = oci::human_size(event.total.value_or(event.bytes));
    std::string line = fmt::format("{:<19}  {:<8}  {:<8}  {:>8}", brief(event.id), event.kind,
                                   state_name(event.state), size);
    if (event.state == BlobState::done && event.bytes > 0) {
      line += fmt::format("  {:>11}  {:.1f} s", rate(), seconds());
      if (event.kept > 0) line += fmt::format("  ({} kept)", oci::human_size(event.kept));
    }
    return line;
  }
  std::string active_line() const {
    std::string line = fmt::format("{:<19}  {:<8}  {:<8}  {:>8}", brief(event.id), event.kind,
                                   state_name(event.state), oci::human_size(event.bytes));
    if (event.total && *event.total > 0) {
      constexpr std::size_t width = 20;
      const auto filled = std::min<std::size_t>(width, event.bytes * width / *event.total);
      line += fmt::format(" of {:>8}  [{:<{}}]", oci::human_size(*event.total),
                          std::string(filled, '='), width);
    }
    return line + "  " + rate();
  }
};

/// The rows, and what all displays derive from them.
class Board {
 public:
  /// The row after the event; its clock starts when the blob begins to move.
  Row& take(const BlobEvent& event) {
    auto [at, is_new] = rows_.try_emplace(event.id);
    Row& row = at->second;
    const bool moves = event.state == BlobState::building || event.state == BlobState::copying;
    if (is_new || (moves && row.event.state != event.state)) row.began = Clock::now();
    row.event = event;
    return row;
  }

  std::vector<const Row*> active(std::size_t most) const {
    std::vector<const Row*> list;
    for (const auto& [id, row] : rows_) {
      const BlobState state = row.event.state;
      if (!is_final(state) && state != BlobState::waiting && list.size() < most) {
        list.push_back(&row);
      }
    }
    return list;
  }

  std::string total_line() const {
    std::size_t finished = 0;
    std::uint64_t bytes = 0;
    for (const auto& [id, row] : rows_) {
      if (is_final(row.event.state)) ++finished;
      if (row.event.state != BlobState::exists && row.event.state != BlobState::mounted) {
        bytes += row.moved();
      }
    }
    const double time = std::chrono::duration<double>(Clock::now() - began_).count();
    const auto rate =
        static_cast<std::uint64_t>(static_cast<double>(bytes) / std::max(time, 0.001));
    return fmt::format("{} of {} blobs, {} in {:.1f} s, {}/s", finished, rows_.size(),
                       oci::human_size(bytes), time, oci::human_size(rate));
  }

  bool empty() const { return rows_.empty(); }

 private:
  std::map<std::string, Row> rows_;
  Clock::time_point began_ = Clock::now();
};

class Silent final : public Display {
 public:
  void update(const BlobEvent&) override {}
  void message(std::string_view line) override { write_stderr(fmt::format("{}\n", line)); }
};

class Plain final : public Display {
 public:
  void update(const BlobEvent& event) override {
    const std::lock_guard lock(mutex_);
    const Row& row = board_.take(event);
    if (is_final(event.state)) write_stderr(row.finished_line() + "\n");
    if (Clock::now() - last_total_ > 10s) {
      last_total_ = Clock::now();
      write_stderr(board_.total_line() + "\n");
    }
  }
  void message(std::string_view line) override { write_stderr(fmt::format("{}\n", line)); }

 private:
  std::mutex mutex_;
  Board board_;
  Clock::time_point last_total_ = Clock::now();
};

class JsonLines final : public Display {
 public:
  void update(const BlobEvent& event) override {
    const std::lock_guard lock(mutex_);
    Last& last = last_[event.id];
    const bool changed = !last.known || last.state != event.state;
    if (!changed && Clock::now() - last.said < 500ms) return;
    last = {true, event.state, Clock::now()};
    oci::Json json = {{"id", event.id},
                      {"kind", event.kind},
                      {"state", state_name(event.state)},
                      {"bytes", event.bytes}};
    if (event.total) json["total"] = *event.total;
    if (event.kept > 0) json["kept"] = event.kept;
    write_stderr(oci::to_printable_text(json) + "\n");
  }
  void message(std::string_view line) override {
    const oci::Json json = {{"message", line}};
    write_stderr(oci::to_printable_text(json) + "\n");
  }

 private:
  struct Last {
    bool known = false;
    BlobState state = BlobState::waiting;
    Clock::time_point said;
  };
  std::mutex mutex_;
  std::map<std::string, Last> last_;
};

/// Finished lines scroll up and stay; the moving ones and the total are redrawn below them by a
/// thread of its own, ten times a second; where the system starts no thread, with each finished
/// one.
class TerminalDisplay final : public Display {
 public:
  TerminalDisplay() {
    painter_.try_start([this] { paint({.stop = stop_.get_token()}); });
  }

  ~TerminalDisplay() override {
    stop_.request_stop();
    painter_.join();
    const std::lock_guard lock(mutex_);
    draw(Last::yes);
  }

  void update(const BlobEvent& event) override {
    const std::lock_guard lock(mutex_);
    const Row& row = board_.take(event);
    if (!is_final(event.state)) return;
    above_ += clipped(row.finished_line());
    if (painter_.empty()) draw(Last::no);
  }

  void message(std::string_view line) override {
    const std::lock_guard lock(mutex_);
    above_ += fmt::format("{}\n", line);
    draw(Last::no);
  }

 private:
  enum class Last { no, yes };
  static constexpr std::size_t most_rows = 16;

  static std::string clipped(const std::string& line) {
    return line.substr(0, terminal_width() - 1) + "\n";
  }

  void paint(const oci::Call& call) {
    try {
      while (true) {
        {
          const std::lock_guard lock(mutex_);
          draw(Last::no);
        }
        oci::sleep_for(call, 100ms);
      }
    } catch (const oci::Error&) {
      // The display ends, and draws the last time itself.
    }
  }

  void draw(Last last) {
    std::string text;
    // Back over what was drawn before, each line erased as it is written anew.
    if (drawn_ > 0) text += fmt::format("\x1b[{}A\r\x1b[J", drawn_);
    text += above_;
    above_.clear();
    drawn_ = 0;
    if (!board_.empty()) {
      if (last == Last::no) {
        for (const Row* row : board_.active(most_rows)) {
          text += clipped(row->active_line());
          ++drawn_;
        }
      }
      text += clipped(board_.total_line());
      ++drawn_;
    }
    if (last == Last::yes) drawn_ = 0;
    if (!text.empty()) write_stderr(text);
  }

  std::mutex mutex_;
  Board board_;
  std::string above_;
  std::size_t drawn_ = 0;
  std::stop_source stop_;
  oci::Threads painter_;
};

}  // namespace

ProgressStyle progress_style(std::string_view name) {
  if (name == "auto") {
    return stderr_is_terminal() ? ProgressStyle::terminal : ProgressStyle::plain;
  }
  if (name == "plain") return ProgressStyle::plain;
  if (name == "json") return ProgressStyle::json;
  if (name == "none") return ProgressStyle::none;
  throw oci::Error(oci::ErrorKind::usage,
                   fmt::format("'{}' is no kind of progress", oci::printable(name)),
                   "--progress is auto, plain, json or none");
}

std::unique_ptr<Display> make_display(ProgressStyle style) {
  switch (style) {
    case ProgressStyle::terminal:
      return std::make_unique<TerminalDisplay>();
    case ProgressStyle::plain:
      return std::make_unique<Plain>();
    case ProgressStyle::json:
      return std::make_unique<JsonLines>();
    case ProgressStyle::none:
      break;
  }
  return std::make_unique<Silent>();
}

}  // namespace davit::app
