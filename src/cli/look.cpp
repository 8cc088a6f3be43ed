#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <set>

#include "oci/base/atomic_file.hpp"
#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/image/difference.hpp"
#include "oci/image/flatten.hpp"
#include "oci/image/image_files.hpp"
#include "oci/layer/unpack.hpp"
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
  return oci::open_layers(session.call(), session.places().open(session.call(), place, Use::read),
                          place.identifier(), words.platform.chosen());
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

/// "a -> b" for a symbolic link, "a = b" for a hard link.
std::string name_text(const std::string& path, const oci::TarEntry& entry) {
  if (entry.link_target.empty()) return path;
  return path + (entry.type == EntryType::hardlink ? " = " : " -> ") + entry.link_target;
}

void print_files(Output& out, const oci::ImageFiles& files, const LookWords& words) {
  const auto heading = [&](const char* name) { return words.is_long ? name : ""; };
  out.table("files",
            {{words.is_long ? "" : "PATH", "path"},
             {heading("MODE"), "mode"},
             {heading("OWNER"), ""},
             {"", "uid"},
             {"", "gid"},
             {heading("SIZE"), ""},
             {"", "size"},
             {heading("TIME"), "mtime"},
             {heading("NAME"), ""},
             {"", "target"},
             {"", "digest"}},
            Output::Headings::hidden);
  files.visit(words.path, [&](const oci::ImageFile& file) {
    const oci::TarEntry& entry = file.entry;
    const std::string& target = entry.link_target;
    out.row({entry.path, mode_text(entry), fmt::format("{}:{}", entry.uid, entry.gid), entry.uid,
             entry.gid, std::to_string(entry.size), entry.size, Time{entry.mtime},
             name_text(entry.path, entry), target.empty() ? Cell() : Cell(target),
             file.content.empty() ? Cell() : Cell(file.content.str())});
  });
}

}  // namespace

void declare_files(Arguments command) {
  auto words = std::make_shared<LookWords>();
  declare(command, *words);
  command.optional_positional("PATH", words->path, "only this one, or what is beneath it");
  command.flag("-l,--long", words->is_long, "with modes, owners, sizes, times and links");
  declare_common(command);
  command.run([words](Session& session) {
    // Digests are for scripts alone.
    const auto contents =
        session.form() == Output::Form::json ? oci::Contents::hashed : oci::Contents::passed_over;
    const oci::ImageFiles files(session.call(), open(session, *words, words->source), {}, contents);
    print_files(session.output(), files, *words);
  });
}

void declare_cat(Arguments command) {
  auto words = std::make_shared<LookWords>();
  declare(command, *words);
  command.positional("PATH", words->path, "links are followed inside the image");
  declare_common(command, Prints::bytes);
  command.run([words](Session& session) {
    oci::FunctionSink out([](oci::Bytes bytes) { write_stdout(oci::text_of(bytes)); });
    oci::read_image_file(session.call(), open(session, *words, words->source), {}, words->path,
                         out);
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
      return oci::export_tar(session.call(), image, {}, out);
    }
    oci::AtomicFile file(words->path, oci::shared_mode, session.call().stop);
    oci::export_tar(session.call(), image, {}, file);
    file.commit();
  });
}

namespace {

/// "+1.2 MB"
std::string change_of(std::uint64_t before, std::uint64_t after) {
  return after >= before ? "+" + oci::human_size(after - before)
                         : "-" + oci::human_size(before - after);
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
    const oci::Difference difference(session.call(), before, after, {});
    const std::set<oci::Digest> layers(before.diff_ids.begin(), before.diff_ids.end());
    const auto shared = static_cast<std::size_t>(
        std::count_if(after.diff_ids.begin(), after.diff_ids.end(),
                      [&](const auto& layer) { return layers.contains(layer); }));
    Output& out = session.output();
    out.line(fmt::format("{} of {} layers are shared", shared, after.diff_ids.size()));
    out.member("sharedLayers", shared);
    // A person reads one table of all changes, a script a list of each kind.
    using oci::ChangeKind;
    using Kind = std::pair<ChangeKind, const char*>;
    for (const Kind& one :
         {Kind(ChangeKind::removed, "removed"), Kind(ChangeKind::changed, "changed"),
          Kind(ChangeKind::added, "added")}) {
      // Lambdas do not capture what a structured binding names.
      const ChangeKind kind = one.first;
      const char* const word = one.second;
      if (out.form() == Output::Form::json || kind == ChangeKind::removed) {
        out.table(word,
                  {{"CHANGE", ""}, {"SIZE", ""}, {"PATH", "path"}, {"", "before"}, {"", "after"}},
                  Output::Headings::hidden);
      }
      difference.visit(kind, [&](const oci::FileChange& change) {
        out.row({word, change_of(change.before, change.after), change.path, change.before,
                 change.after});
      });
    }
  });
}

}  // namespace davit::app
