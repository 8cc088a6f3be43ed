#include "tests/oci/layer/tar_support.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <memory>
#include <stdexcept>

#include "oci/base/bytes.hpp"
#include "oci/layer/tar_writer.hpp"

namespace davit::tests {
namespace {

using oci::EntryType;

struct Collector final : oci::TarHandler {
  void entry(const oci::TarEntry& entry) override { items.push_back({entry, ""}); }
  void data(oci::Bytes bytes) override { items.back().data.append(oci::text_of(bytes)); }
  std::vector<TarItem> items;
};

struct ArchiveDeleter {
  void operator()(archive* handle) const { archive_free(handle); }
  void operator()(archive_entry* handle) const { archive_entry_free(handle); }
};
using Archive = std::unique_ptr<archive, ArchiveDeleter>;
using ArchiveEntry = std::unique_ptr<archive_entry, ArchiveDeleter>;

void check(archive* handle, la_ssize_t result) {
  if (result >= ARCHIVE_OK) return;
  const char* message = archive_error_string(handle);
  throw std::runtime_error(fmt::format("libarchive: {}", message == nullptr ? "?" : message));
}

std::string text(const char* value) { return value == nullptr ? "" : value; }

EntryType type_of(archive_entry* entry) {
  if (archive_entry_hardlink(entry) != nullptr) return EntryType::hardlink;
  switch (archive_entry_filetype(entry)) {
    case AE_IFDIR:
      return EntryType::directory;
    case AE_IFLNK:
      return EntryType::symlink;
    case AE_IFCHR:
      return EntryType::character_device;
    case AE_IFBLK:
      return EntryType::block_device;
    case AE_IFIFO:
      return EntryType::fifo;
    default:
      return EntryType::file;
  }
}

unsigned file_type(EntryType type) {
  switch (type) {
    case EntryType::directory:
      return AE_IFDIR;
    case EntryType::symlink:
      return AE_IFLNK;
    case EntryType::character_device:
      return AE_IFCHR;
    case EntryType::block_device:
      return AE_IFBLK;
    case EntryType::fifo:
      return AE_IFIFO;
    default:
      return AE_IFREG;
  }
}

oci::TarEntry entry_of(archive_entry* entry) {
  oci::TarEntry result;
  result.type = type_of(entry);
  result.path = text(archive_entry_pathname(entry));
  if (result.type == EntryType::directory) {
    while (result.path.size() > 1 && result.path.ends_with('/')) result.path.pop_back();
  }
  result.link_target = text(result.type == EntryType::hardlink ? archive_entry_hardlink(entry)
                                                               : archive_entry_symlink(entry));
  result.mode = archive_entry_perm(entry);
  result.uid = static_cast<std::uint32_t>(archive_entry_uid(entry));
  result.gid = static_cast<std::uint32_t>(archive_entry_gid(entry));
  result.mtime = archive_entry_mtime(entry);
  if (result.type == EntryType::file) {
    result.size = static_cast<std::uint64_t>(archive_entry_size(entry));
  }
  result.device_major = ::major(archive_entry_rdev(entry));
  result.device_minor = ::minor(archive_entry_rdev(entry));
  archive_entry_xattr_reset(entry);
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
    result.xattrs[name] = std::string(static_cast<const char*>(value), size);
  }
  return result;
}

la_ssize_t append(archive*, void* to, const void* bytes, std::size_t size) {
  static_cast<std::string*>(to)->append(static_cast<const char*>(bytes), size);
  return static_cast<la_ssize_t>(size);
}

void put(std::string& block, std::size_t at, std::string_view value) {
  block.replace(at, value.size(), value);
}

}  // namespace

std::string tar_of(const oci::TarSource& source) {
  std::string tar;
  oci::BlockPool pool(2);
  oci::BlockWriter to(pool, [&](oci::Block block) { tar.append(oci::text_of(*block)); });
  source(to);
  to.finish();
  return tar;
}

std::string tar_of(const std::vector<TarItem>& items) {
  return tar_of([&](oci::BlockWriter& to) {
    oci::TarWriter writer(to);
    for (const TarItem& item : items) {
      writer.entry(item.entry);
      writer.write(oci::bytes_of(item.data));
    }
    writer.finish();
  });
}

std::vector<TarItem> parse_tar(std::string_view tar, std::size_t piece, oci::EndMarks end_marks) {
  Collector collector;
  oci::TarParser parser(collector, "test.tar", end_marks);
  for (std::size_t at = 0; at < tar.size(); at += piece) {
    parser.write(oci::bytes_of(tar.substr(at, piece)));
  }
  parser.finish();
  return collector.items;
}

std::vector<std::string> names_in(std::string_view tar) {
  std::vector<std::string> names;
  for (const TarItem& item : parse_tar(tar)) {
    const bool directory = item.entry.type == EntryType::directory;
    names.push_back(item.entry.path + (directory ? "/" : ""));
  }
  return names;
}

TarItem item_in(std::string_view tar, std::string_view path) {
  for (TarItem& item : parse_tar(tar)) {
    if (item.entry.path == path) return item;
  }
  throw std::runtime_error("no entry " + std::string(path));
}

oci::TarEntry file_entry(std::string path, std::uint64_t size) {
  oci::TarEntry entry;
  entry.path = std::move(path);
  entry.mode = 0644;
  entry.size = size;
  return entry;
}

std::string RawHeader::block() const {
  std::string result(512, '\0');
  put(result, 0, name);
  put(result, 100, mode);
  put(result, 108, uid);
  put(result, 116, gid);
  put(result, 124, size);
  put(result, 136, mtime);
  result[156] = type;
  put(result, 157, link);
  put(result, 257, magic);
  put(result, 329, device_major);
  put(result, 337, device_minor);
  put(result, 345, prefix);
  put(result, 148, checksum_of(result));
  return result;
}

std::string checksum_of(std::string block) {
  put(block, 148, "        ");
  unsigned sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  return fmt::format("{:06o}", sum) + std::string("\0 ", 2);
}

std::string raw_entry(RawHeader header, std::string_view data) {
  header.size = octal(data.size());
  std::string result = header.block() + std::string(data);
  result.resize((result.size() + 511) / 512 * 512);
  return result;
}

std::string octal(std::uint64_t value) { return fmt::format("{:011o}", value); }

std::string pax_record(std::string_view key, std::string_view value) {
  std::size_t length = key.size() + value.size() + 3;
  const std::size_t digits = std::to_string(length + std::to_string(length).size()).size();
  length += digits;
  return fmt::format("{} {}={}\n", length, key, value);
}

std::string raw_extension(char type, std::string_view data) {
  RawHeader header;
  header.name = "././@Extension";
  header.type = type;
  return raw_entry(header, data);
}

std::string end_marks() { return std::string(1024, '\0'); }

std::vector<TarItem> read_with_libarchive(std::string_view tar) {
  const Archive reader(archive_read_new());
  archive_read_support_format_tar(reader.get());
  check(reader.get(), archive_read_open_memory(reader.get(), tar.data(), tar.size()));
  std::vector<TarItem> items;
  archive_entry* found = nullptr;
  while (true) {
    const int result = archive_read_next_header(reader.get(), &found);
    if (result == ARCHIVE_EOF) return items;
    check(reader.get(), result);
    TarItem item{entry_of(found), ""};
    item.data.resize(item.entry.size);
    const la_ssize_t n = archive_read_data(reader.get(), item.data.data(), item.data.size());
    check(reader.get(), n);
    item.data.resize(static_cast<std::size_t>(n));
    items.push_back(std::move(item));
  }
}

std::string write_with_libarchive(const std::string& format, const std::vector<TarItem>& items) {
  std::string tar;
  const Archive writer(archive_write_new());
  check(writer.get(), archive_write_set_format_by_name(writer.get(), format.c_str()));
  check(writer.get(), archive_write_open(writer.get(), &tar, nullptr, append, nullptr));
  for (const TarItem& item : items) {
    const ArchiveEntry entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), item.entry.path.c_str());
    archive_entry_set_filetype(entry.get(), file_type(item.entry.type));
    if (item.entry.type == EntryType::hardlink) {
      archive_entry_set_hardlink(entry.get(), item.entry.link_target.c_str());
    }
    if (item.entry.type == EntryType::symlink) {
      archive_entry_set_symlink(entry.get(), item.entry.link_target.c_str());
    }
    archive_entry_set_perm(entry.get(), item.entry.mode);
    archive_entry_set_uid(entry.get(), item.entry.uid);
    archive_entry_set_gid(entry.get(), item.entry.gid);
    archive_entry_set_mtime(entry.get(), item.entry.mtime, 0);
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(item.entry.size));
    archive_entry_set_rdev(entry.get(),
                           ::makedev(item.entry.device_major, item.entry.device_minor));
    for (const auto& [name, value] : item.entry.xattrs) {
      archive_entry_xattr_add_entry(entry.get(), name.c_str(), value.data(), value.size());
    }
    check(writer.get(), archive_write_header(writer.get(), entry.get()));
    check(writer.get(), archive_write_data(writer.get(), item.data.data(), item.data.size()));
  }
  check(writer.get(), archive_write_close(writer.get()));
  return tar;
}

}  // namespace davit::tests
