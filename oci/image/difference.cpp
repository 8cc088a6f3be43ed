#include "oci/image/difference.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace davit::oci {
namespace {

/// What is compared of a file, as a hash: a few bytes for each of a million files.
using Fingerprint = std::array<char, 16>;

Fingerprint fingerprint(const ImageFile& file) {
  const TarEntry& entry = file.entry;
  const bool is_directory = entry.type == EntryType::directory;
  std::string text =
      fmt::format("{} {} {} {} {} {} {} {} {} {} {} ", static_cast<int>(entry.type), entry.mode,
                  entry.uid, entry.gid, is_directory ? 0 : entry.mtime,
                  is_directory ? 0 : entry.mtime_nanoseconds, entry.size, entry.device_major,
                  entry.device_minor, entry.link_target.size(), file.content.str());
  text += entry.link_target;
  for (const auto& [name, value] : entry.xattrs) {
    text += fmt::format(" {} {} {}{}", name.size(), value.size(), name, value);
  }
  const Digest digest = digest_of(bytes_of(text));
  Fingerprint result;
  std::memcpy(result.data(), digest.hex().data(), result.size());
  return result;
}

/// The root is the first of all.
std::string_view path_of(const ImageFile& file) {
  return file.entry.path == "." ? std::string_view() : std::string_view(file.entry.path);
}

/// The order in which files come: what is in a directory after it, and before what follows it.
bool comes_before(std::string_view a, std::string_view b) {
  const auto rank = [](char c) { return c == '/' ? 0 : static_cast<unsigned char>(c); };
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                      [&](char x, char y) { return rank(x) < rank(y); });
}

/// One file after the other in a text: how much of the path is that of the file before, the rest of
/// it, the size and the fingerprint.
struct Record {
  std::uint16_t shared = 0;
  std::uint16_t rest = 0;
  std::uint64_t size = 0;
  Fingerprint fingerprint{};
};

class Writer {
 public:
  explicit Writer(std::string& to) : to_(to) {}
  void add(const ImageFile& file) {
    const std::string_view path = path_of(file);
    const auto [end, other] = std::mismatch(path.begin(), path.end(), last_.begin(), last_.end());
    static_cast<void>(other);
    Record record;
    record.shared = static_cast<std::uint16_t>(end - path.begin());
    record.rest = static_cast<std::uint16_t>(path.size() - record.shared);
    record.size = file.entry.size;
    record.fingerprint = fingerprint(file);
    to_.append(reinterpret_cast<const char*>(&record), sizeof record);
    to_.append(path.substr(record.shared));
    last_ = path;
  }

 private:
  std::string& to_;
  std::string last_;
};

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) { next(); }

  bool is_at_end() const { return is_at_end_; }
  const std::string& path() const { return path_; }
  const Record& record() const { return record_; }

  void next() {
    is_at_end_ = text_.empty();
    if (is_at_end_) return;
    std::memcpy(&record_, text_.data(), sizeof record_);
    path_.resize(record_.shared);
    path_ += text_.substr(sizeof record_, record_.rest);
    text_.remove_prefix(sizeof record_ + record_.rest);
  }

 private:
  std::string_view text_;
  bool is_at_end_ = false;
  Record record_;
  std::string path_;
};

std::string list(const Call& call, const ImageLayers& image, const LayerReading& reading) {
  const ImageFiles files(call, image, reading, Contents::hashed_with_attributes);
  // Growing would take twice the room for a while.
  std::size_t room = 0;
  files.visit("", [&](const ImageFile& file) {
    room += sizeof(Record) + path_of(file).size() - path_of(file).rfind('/');
  });
  std::string text;
  text.reserve(room);
  Writer writer(text);
  files.visit("", [&](const ImageFile& file) { writer.add(file); });
  return text;
}

std::string named(std::string_view path) { return path.empty() ? "." : std::string(path); }

}  // namespace

Difference::Difference(const Call& call, const ImageLayers& before, const ImageLayers& after,
                       const LayerReading& reading)
    : before_(list(call, before, reading)),
      after_(call, after, reading, Contents::hashed_with_attributes) {}

void Difference::visit(ChangeKind kind, const std::function<void(const FileChange&)>& take) const {
  Reader old(before_);
  const auto removed = [&] {
    if (kind == ChangeKind::removed) take({named(old.path()), old.record().size, 0});
    old.next();
  };
  after_.visit("", [&](const ImageFile& file) {
    const std::string_view path = path_of(file);
    while (!old.is_at_end() && comes_before(old.path(), path)) removed();
    if (old.is_at_end() || old.path() != path) {
      if (kind == ChangeKind::added) take({named(path), 0, file.entry.size});
      return;
    }
    if (kind == ChangeKind::changed && fingerprint(file) != old.record().fingerprint) {
      take({named(path), old.record().size, file.entry.size});
    }
    old.next();
  });
  while (!old.is_at_end()) removed();
}

}  // namespace davit::oci
