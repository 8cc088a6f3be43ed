#include "oci/layer/overlay.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"

namespace davit::oci {
namespace {

/// "a/b/c" as "a/b" and "c".
std::pair<std::string_view, std::string_view> split(std::string_view path) {
  const auto slash = path.rfind('/');
  if (slash == path.npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

/// The names still to go, the next one last.
void push_names(std::vector<std::string_view>& names, std::string_view path) {
  while (!path.empty()) {
    const auto slash = path.rfind('/');
    const std::string_view name = slash == path.npos ? path : path.substr(slash + 1);
    if (!name.empty() && name != ".") names.push_back(name);
    path = slash == path.npos ? std::string_view() : path.substr(0, slash);
  }
}

std::uint64_t device_numbers(const TarEntry& entry) {
  return std::uint64_t{entry.device_major} << 32 | entry.device_minor;
}

}  // namespace

std::string clean_path(std::string_view text) {
  const auto bad = [](std::string_view path, std::string_view why) {
    return Error(ErrorKind::corrupt, fmt::format("{}: {}", printable(path), why));
  };
  if (text.size() >= path_size_limit) {
    throw bad(std::string(text.substr(0, 100)) + "...", "the name is too long");
  }
  const std::string_view whole = text;
  std::string path;
  while (!text.empty()) {
    const auto slash = text.find('/');
    const std::string_view name = text.substr(0, slash);
    text.remove_prefix(slash == text.npos ? text.size() : slash + 1);
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      if (path.empty()) throw bad(whole, "leads out of the layer");
      path.resize(split(path).first.size());
      continue;
    }
    if (name.size() > name_size_limit) throw bad(whole, "the name is too long");
    if (!path.empty()) path += '/';
    path += name;
  }
  return path;
}

Overlay::Overlay(OverlayChanges* changes, std::uint64_t max_entries)
    : changes_(changes), max_entries_(max_entries) {
  nodes_.add(root_node, "");
}

void Overlay::begin_layer(std::string what) {
  what_ = std::move(what);
  ++layer_;
  last_directory_ = no_node;
}

void Overlay::corrupt(std::string_view path, std::string_view why) const {
  throw Error(ErrorKind::corrupt, fmt::format("{}: {}: {}", what_, printable(path), why));
}

void Overlay::check_limits() const {
  const std::uint64_t entries = entry_ + implied_;
  if (entries > max_entries_) {
    throw Error(ErrorKind::refused,
                fmt::format("the image has more than {} entries", max_entries_));
  }
  const std::uint64_t memory = nodes_.memory() + attribute_bytes_;
  if (memory > tree_memory_base + entry_ * tree_memory_per_entry) {
    throw Error(
        ErrorKind::refused,
        fmt::format("{}: the names and directories of its entries need too much memory", what_));
  }
}

Overlay::Applied Overlay::apply(const TarEntry& entry) {
  ++entry_;
  check_limits();
  std::string path;
  try {
    path = clean_path(entry.path);
  } catch (const Error& error) {
    throw Error(error.kind(), fmt::format("{}: {}", what_, error.what()));
  }
  if (path.empty()) {
    if (entry.type != EntryType::directory) return {};
    describe(root_node, entry);
    return {root_node, false};
  }
  const auto [above, name] = split(path);
  if (path.starts_with(aufs_mark) && path != opaque_mark) return {};
  if (name.starts_with(whiteout_mark)) {
    whiteout(above, name);
    return {};
  }
  // Before anything is made, which may not change what the target is.
  const bool is_link = entry.type == EntryType::hardlink;
  const Node target = is_link ? link_target(entry) : no_node;
  const Node parent = directory(above);
  const Node old = nodes_.find(parent, name);
  if (old != no_node) {
    if (entry.type == EntryType::directory && is_directory(old)) {
      describe(old, entry);
      return {old, false};
    }
    for (Node at = target; is_link && at != root_node; at = nodes_[at].parent) {
      if (at == old) corrupt(path, "a hard link to itself, or to what it replaces");
    }
    remove(old);
  }
  const Node node = make(parent, name);
  if (is_link) {
    nodes_[node].is_implied = false;
    nodes_[node].type = nodes_[target].type;
    nodes_[node].content = nodes_[target].content;
    OverlayNode& content = nodes_[nodes_[node].content];
    ++content.links;
    if (content.first == no_node) content.first = target;
  } else {
    describe(node, entry);
  }
  return {node, true};
}

Node Overlay::link_target(const TarEntry& entry) const {
  std::string target;
  try {
    target = clean_path(entry.link_target);
  } catch (const Error& error) {
    corrupt(entry.path, error.what());
  }
  const auto [directory, last] = split(target);
  const Node in = find_directory(directory);
  const Node found = in == no_node || last.empty() ? no_node : nodes_.find(in, last);
  if (found == no_node || is_directory(found)) {
    corrupt(entry.path,
            fmt::format("a hard link to {}, which is no file", printable(entry.link_target)));
  }
  return found;
}

/// `missing` makes what is missing on the way, or gives no_node.
template <class Missing>
Overlay::Walked Overlay::walk(std::string_view path, Last last, const Missing& missing) const {
  std::vector<std::string_view> names;
  push_names(names, path);
  Node here = root_node;
  int links = 0;
  while (!names.empty()) {
    const std::string_view name = names.back();
    names.pop_back();
    if (name == "..") {
      here = nodes_[here].parent;
      continue;
    }
    Node next = nodes_.find(here, name);
    if (next == no_node) next = missing(here, name);
    if (next == no_node) return {no_node, "is not there"};
    const bool is_link = nodes_[next].type == EntryType::symlink;
    const bool is_end =
        names.empty() && (last == Last::itself || (last == Last::followed && !is_link));
    if (is_directory(next) || is_end) {
      here = next;
      continue;
    }
    if (!is_link) {
      return {no_node, fmt::format("'{}' is no directory", printable(name))};
    }
    if (++links > symlink_limit) return {no_node, "leads through too many symbolic links"};
    const OverlayNode& link = nodes_[nodes_[next].content];
    const std::string_view target = nodes_.text(static_cast<std::uint32_t>(link.value));
    if (target.starts_with('/')) here = root_node;
    push_names(names, target);
  }
  return {here, {}};
}

Node Overlay::find_directory(std::string_view path) const {
  return walk(path, Last::directory, [](Node, std::string_view) { return no_node; }).node;
}

Node Overlay::find(std::string_view path, Last last) const {
  return walk(path, last, [](Node, std::string_view) { return no_node; }).node;
}

/// The directory that an entry goes into.
Node Overlay::directory(std::string_view path) {
  if (last_directory_ != no_node && path == last_path_) return last_directory_;
  const Walked found = walk(path, Last::directory, [&](Node parent, std::string_view name) {
    return imply(parent, name);
  });
  if (found.node == no_node) corrupt(path, found.why);
  touch(found.node);
  last_path_ = path;
  last_directory_ = found.node;
  return found.node;
}

Node Overlay::make(Node parent, std::string_view name) {
  const std::size_t length = nodes_[parent].path_length + name.size() + 1;
  if (name.size() > name_size_limit || length >= path_size_limit) {
    corrupt(path(parent).substr(0, 100) + "...", "the name is too long");
  }
  const Node node = nodes_.add(parent, name);
  nodes_[node].entry = entry_;
  touch(node);
  nodes_[node].path_length = static_cast<std::uint16_t>(length);
  return node;
}

Node Overlay::imply(Node parent, std::string_view name) {
  ++implied_;
  check_limits();
  const Node node = make(parent, name);
  if (changes_ != nullptr) changes_->implied(node);
  return node;
}

void Overlay::describe(Node node, const TarEntry& entry) {
  OverlayNode& described = nodes_[node];
  described.is_implied = false;
  described.type = entry.type;
  described.mode = static_cast<std::uint16_t>(entry.mode & 07777);
  described.uid = entry.uid;
  described.gid = entry.gid;
  described.mtime = entry.mtime;
  described.mtime_nanoseconds = entry.mtime_nanoseconds;
  touch(node);
  switch (entry.type) {
    case EntryType::directory: {
      if (entry.xattrs.empty() && attributes_.empty()) return;
      attributes_.erase(node);
      if (entry.xattrs.empty()) return;
      attributes_[node] = entry.xattrs;
      for (const auto& [name, value] : entry.xattrs) attribute_bytes_ += name.size() + value.size();
      return check_limits();
    }
    case EntryType::symlink:
      if (entry.link_target.empty() || entry.link_target.size() >= path_size_limit) {
        corrupt(entry.path, "a symbolic link to nothing, or with a name that is too long");
      }
      described.value = nodes_.keep(entry.link_target);
      break;
    case EntryType::character_device:
    case EntryType::block_device:
      described.value = device_numbers(entry);
      break;
    default:
      described.value = entry.size;
      break;
  }
  described.links = 1;
  described.first = node;
}

/// What lies above has something of this layer, too.
void Overlay::touch(Node node) {
  for (nodes_[node].touched = layer_; node != root_node;) {
    node = nodes_[node].parent;
    if (nodes_[node].touched == layer_) return;
    nodes_[node].touched = layer_;
  }
}

void Overlay::whiteout(std::string_view above, std::string_view name) {
  const std::string_view gone = name.substr(whiteout_mark.size());
  if (name != opaque_mark && (gone.empty() || gone == "." || gone == "..")) {
    corrupt(std::string(above) + "/" + std::string(name), "a whiteout of no name");
  }
  const Node directory = find_directory(above);
  if (directory == no_node) return;
  if (name == opaque_mark) return clear(directory);
  if (name.starts_with(aufs_mark)) return;
  const Node node = nodes_.find(directory, gone);
  if (node == no_node) return;
  if (nodes_[node].touched != layer_) return remove(node);
  if (is_directory(node)) clear(node);
}

/// Removes what is beneath a directory, but for what this layer has brought.
void Overlay::clear(Node top) {
  std::vector<Node> directories = {top};
  while (!directories.empty()) {
    OverlayNode& directory = nodes_[directories.back()];
    directories.pop_back();
    // Nothing of lower layers comes again.
    if (directory.cleared == layer_) continue;
    directory.cleared = layer_;
    for (Node node = directory.first, next = no_node; node != no_node; node = next) {
      next = nodes_[node].next;
      if (nodes_[node].touched != layer_) {
        remove(node);
      } else if (is_directory(node)) {
        directories.push_back(node);
      }
    }
  }
}

void Overlay::remove(Node top) {
  if (changes_ != nullptr) changes_->removes(top);
  // It may have been on the way to somewhere.
  last_directory_ = no_node;
  std::vector<Node> nodes = {top};
  while (!nodes.empty()) {
    const Node node = nodes.back();
    nodes.pop_back();
    if (is_directory(node)) {
      for (Node child = nodes_[node].first; child != no_node; child = nodes_[child].next) {
        nodes.push_back(child);
      }
      attributes_.erase(node);
    } else {
      OverlayNode& content = nodes_[nodes_[node].content];
      --content.links;
      if (content.first == node) content.first = no_node;
    }
    nodes_.erase(node);
  }
}

void Overlay::settle() {
  std::vector<Node> children;
  for (Node node = 0; node < size(); ++node) {
    if (!nodes_[node].is_there) continue;
    if (!is_directory(node)) {
      OverlayNode& content = nodes_[nodes_[node].content];
      if (content.first == no_node) content.first = node;
      continue;
    }
    children.clear();
    for (Node at = nodes_[node].first; at != no_node; at = nodes_[at].next) children.push_back(at);
    std::sort(children.begin(), children.end(),
              [&](Node a, Node b) { return nodes_.name(a) < nodes_.name(b); });
    Node previous = no_node;
    for (const Node child : children) {
      nodes_[child].previous = previous;
      (previous == no_node ? nodes_[node].first : nodes_[previous].next) = child;
      previous = child;
    }
    if (previous != no_node) nodes_[previous].next = no_node;
  }
}

std::string Overlay::path(Node node) const {
  std::vector<Node> names;
  for (; node != root_node; node = nodes_[node].parent) names.push_back(node);
  std::string path;
  for (auto at = names.rbegin(); at != names.rend(); ++at) {
    if (!path.empty()) path += '/';
    path += name(*at);
  }
  return path;
}

Node Overlay::first_name(Node node) const {
  return is_directory(node) ? node : nodes_[nodes_[node].content].first;
}

TarEntry Overlay::entry(Node node, std::string path) const {
  const OverlayNode& content = nodes_[nodes_[node].content];
  TarEntry entry;
  entry.type = content.type;
  entry.path = std::move(path);
  entry.mode = content.mode;
  entry.uid = content.uid;
  entry.gid = content.gid;
  entry.mtime = content.mtime;
  entry.mtime_nanoseconds = content.mtime_nanoseconds;
  switch (content.type) {
    case EntryType::directory:
      if (const auto found = attributes_.find(node); found != attributes_.end()) {
        entry.xattrs = found->second;
      }
      break;
    case EntryType::symlink:
      entry.link_target = nodes_.text(static_cast<std::uint32_t>(content.value));
      break;
    case EntryType::character_device:
    case EntryType::block_device:
      entry.device_major = static_cast<std::uint32_t>(content.value >> 32);
      entry.device_minor = static_cast<std::uint32_t>(content.value);
      break;
    case EntryType::file:
      entry.size = content.value;
      break;
    default:
      break;
  }
  if (const Node first = first_name(node); first != node) {
    entry.type = EntryType::hardlink;
    entry.link_target = this->path(first);
  }
  return entry;
}

void Overlay::visit(Node top,
                    const std::function<void(Node, const std::string& path)>& take) const {
  std::string at = path(top);
  take(top, at);
  if (!is_directory(top)) return;
  Node node = nodes_[top].first;
  Node above = top;
  while (true) {
    if (node == no_node) {
      if (above == top) return;
      // All of a directory was there: on after it.
      at.resize(at.size() - std::min(at.size(), name(above).size() + 1));
      node = nodes_[above].next;
      above = nodes_[above].parent;
      continue;
    }
    if (!at.empty()) at += '/';
    at += name(node);
    take(node, at);
    if (is_directory(node)) {
      above = node;
      node = nodes_[node].first;
      continue;
    }
    at.resize(at.size() - std::min(at.size(), name(node).size() + 1));
    node = nodes_[node].next;
  }
}

}  // namespace davit::oci
