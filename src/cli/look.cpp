#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <set>

#include "oci/base/atomic_file.hpp"
#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/image/flatten.hpp"
#include "oci/layer/unpack.hpp"
#include "src/cli/json_text.hpp"
#include "src/cli/options.hpp"
#include "src/cli/session.hpp"
#include "src/cli/terminal.hpp"
#include "src/cli/values.hpp"

namespace davit::app {
namespace {

using oci::EntryType;
using oci::Error;
using oci::ErrorKind;
using oci::printable;
using OrderedJson = nlohmann::ordered_json;
using Files = std::map<std::string, oci::ImageFile>;

struct LookWords {
  PlatformChoice platform;
  std::string source;
  std::string path;
  std::string other;
  bool is_long = false;
};

/// What the commands that read an image's layers have in common.
void declare(Arguments& command, LookWords& words) {
  command.positional("SOURCE", words.source, "where the image is");
  words.platform.declare_one(command,
                             "of an index, the image for this platform; by default this machine's");
  declare_progress(command);
}

oci::ImageLayers open(Session& session, const LookWords& words, const std::string& source) {
  const Place place = Place::parse(source);
  return oci::open_layers(session.places().open(place, Use::read), place.identifier(),
                          words.platform.chosen());
}

oci::LayerReading reading(Session& session) {
  return {.progress = session.progress(), .stop = session.stop()};
}

char type_letter(EntryType type) {
  switch (type) {
    case EntryType::directory:
      return 'd';
    case EntryType::symlink:
      return 'l';
    case EntryType::character_device:
      return 'c';
    case EntryType::block_device:
      return 'b';
    case EntryType::fifo:
      return 'p';
    default:
      return '-';
  }
}

/// "-rwxr-xr-x"
std::string mode_text(const oci::TarEntry& entry) {
  std::string text(1, type_letter(entry.type));
  for (int shift = 6; shift >= 0; shift -= 3) {
    const std::uint32_t bits = entry.mode >> shift;
    text += (bits & 4) != 0 ? 'r' : '-';
    text += (bits & 2) != 0 ? 'w' : '-';
    text += (bits & 1) != 0 ? 'x' : '-';
  }
  const auto special = [&](std::uint32_t bit, std::size_t at, char set, char unset) {
    if ((entry.mode & bit) != 0) text[at] = text[at] == 'x' ? set : unset;
  };
  special(04000, 3, 's', 'S');
  special(02000, 6, 's', 'S');
  special(01000, 9, 't', 'T');
  return text;
}

OrderedJson to_json(const std::string& path, const oci::ImageFile& file) {
  OrderedJson json = {{"path", path},
                      {"mode", mode_text(file.entry)},
                      {"uid", file.entry.uid},
                      {"gid", file.entry.gid},
                      {"size", file.entry.size},
                      {"mtime", rfc3339(file.entry.mtime)}};
  if (!file.entry.link_target.empty()) json["target"] = file.entry.link_target;
  if (!file.content.empty()) json["digest"] = file.content.str();
  return json;
}

/// Whether a path is `prefix` or beneath it.
bool is_within(const std::string& path, const std::string& prefix) {
  return prefix.empty() || path == prefix ||
         (path.starts_with(prefix) && path[prefix.size()] == '/');
}

void print_files(Session& session, const Files& files, const std::string& prefix,
                 const LookWords& words) {
  std::vector<std::vector<std::string>> rows;
  OrderedJson json = OrderedJson::array();
  bool any = false;
  for (const auto& [path, file] : files) {
    if (!is_within(path, prefix)) continue;
    any = true;
    const std::string& target = file.entry.link_target;
    const char* arrow = file.entry.type == EntryType::hardlink ? " = " : " -> ";
    const std::string name = printable(path) + (target.empty() ? "" : arrow + printable(target));
    json.push_back(to_json(path, file));
    if (!words.is_long) {
      rows.push_back({printable(path)});
    } else {
      rows.push_back({mode_text(file.entry), fmt::format("{}:{}", file.entry.uid, file.entry.gid),
                      std::to_string(file.entry.size), rfc3339(file.entry.mtime), name});
    }
  }
  if (!any && !prefix.empty()) {
    throw Error(ErrorKind::not_found, fmt::format("the image has no {}", printable(prefix)));
  }
  write_stdout(session.json() ? json_text(json) : table(rows));
}

}  // namespace

void declare_files(Arguments command) {
  auto words = std::make_shared<LookWords>();
  declare(command, *words);
  command.optional_positional("PATH", words->path, "only this one, or what is beneath it");
  command.flag("-l,--long", words->is_long, "with modes, owners, sizes, times and links");
  declare_common(command);
  command.run([words](Session& session) {
    // Digests are part of the JSON alone.
    const Files files =
        oci::list_files(open(session, *words, words->source), reading(session),
                        session.json() ? oci::Contents::hashed : oci::Contents::passed_over);
    print_files(session, files, oci::clean_path(words->path), *words);
  });
}

void declare_cat(Arguments command) {
  auto words = std::make_shared<LookWords>();
  declare(command, *words);
  command.positional("PATH", words->path, "links are followed inside the image");
  declare_common(command, Prints::bytes);
  command.run([words](Session& session) {
    oci::FunctionSink out([](oci::Bytes bytes) { write_stdout(oci::text_of(bytes)); });
    oci::read_image_file(open(session, *words, words->source), reading(session), words->path, out);
  });
}

void declare_export(Arguments command) {
  auto words = std::make_shared<LookWords>();
  declare(command, *words);
  command.optional_positional("FILE", words->path, "by default, and for -, standard output");
  command.footer("Example:\n  davit export debian:bookworm | tar -t");
  declare_common(command, Prints::bytes);
  command.run([words](Session& session) {
    const oci::ImageLayers image = open(session, *words, words->source);
    if (words->path.empty() || words->path == "-") {
      if (::isatty(STDOUT_FILENO) != 0) {
        throw Error(ErrorKind::usage, "a tar is not for terminals", "give a FILE, or a pipe");
      }
      oci::FunctionSink out([](oci::Bytes bytes) { write_stdout(oci::text_of(bytes)); });
      return oci::export_tar(image, reading(session), out);
    }
    oci::AtomicFile file(words->path, oci::shared_mode, session.stop());
    oci::export_tar(image, reading(session), file);
    file.commit();
  });
}

namespace {

/// "+1.2 MB"
std::string change_of(std::uint64_t before, std::uint64_t after) {
  return after >= before ? "+" + oci::human_size(after - before)
                         : "-" + oci::human_size(before - after);
}

bool same(const oci::ImageFile& a, const oci::ImageFile& b) {
  oci::TarEntry first = a.entry;
  oci::TarEntry second = b.entry;
  first.data_offset = second.data_offset = 0;
  // A directory's time says when names came and went, which is listed anyway.
  if (first.type == EntryType::directory) first.mtime = second.mtime;
  return first == second && a.content == b.content;
}

}  // namespace

void declare_diff(Arguments command) {
  auto words = std::make_shared<LookWords>();
  declare(command, *words);
  command.positional("OTHER", words->other, "the image to compare it with");
  declare_common(command);
  command.run([words](Session& session) {
    const oci::ImageLayers before = open(session, *words, words->source);
    const oci::ImageLayers after = open(session, *words, words->other);
    const Files old_files = oci::list_files(before, reading(session));
    const Files new_files = oci::list_files(after, reading(session));
    const std::set<oci::Digest> layers(before.diff_ids.begin(), before.diff_ids.end());
    const auto shared = std::count_if(after.diff_ids.begin(), after.diff_ids.end(),
                                      [&](const auto& layer) { return layers.contains(layer); });
    std::vector<std::vector<std::string>> rows;
    OrderedJson json = {{"sharedLayers", shared},
                        {"added", OrderedJson::array()},
                        {"removed", OrderedJson::array()},
                        {"changed", OrderedJson::array()}};
    const auto add = [&](const char* mark, const char* key, const std::string& path,
                         std::uint64_t old_size, std::uint64_t new_size) {
      rows.push_back({mark, change_of(old_size, new_size), printable(path)});
      json[key].push_back({{"path", path}, {"before", old_size}, {"after", new_size}});
    };
    for (const auto& [path, file] : old_files) {
      const auto now = new_files.find(path);
      if (now == new_files.end()) {
        add("removed", "removed", path, file.entry.size, 0);
      } else if (!same(file, now->second)) {
        add("changed", "changed", path, file.entry.size, now->second.entry.size);
      }
    }
    for (const auto& [path, file] : new_files) {
      if (!old_files.contains(path)) add("added", "added", path, 0, file.entry.size);
    }
    if (session.json()) return write_stdout(json_text(json));
    write_stdout(fmt::format("{} of {} layers are shared\n", shared, after.diff_ids.size()) +
                 table(rows));
  });
}

}  // namespace davit::app
