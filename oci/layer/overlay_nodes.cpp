#include "oci/layer/overlay_nodes.hpp"

#include <cstring>
#include <random>

namespace davit::oci {
namespace {

constexpr std::size_t text_block = 64 * 1024;
constexpr std::size_t first_slots = 1024;

std::uint64_t random_number() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

}  // namespace

NodeTable::NodeTable()
    : slots_(first_slots, no_node),
      seed_(random_number()),
      factor_(random_number() | 1),
      block_used_(text_block) {}

std::size_t NodeTable::hash(Node parent, std::string_view name) const {
  std::uint64_t hash = (seed_ ^ parent) * factor_;
  const auto mix = [&](std::uint64_t bits) {
    hash = (hash ^ bits) * factor_;
    hash ^= hash >> 32;
  };
  for (; name.size() >= 8; name.remove_prefix(8)) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, name.data(), 8);
    mix(bits);
  }
  std::uint64_t rest = name.size() << 56;
  if (!name.empty()) std::memcpy(&rest, name.data(), name.size());
  mix(rest);
  return hash ^ hash >> 29;
}

/// Where the name is, or the free slot where it belongs.
std::size_t NodeTable::slot_of(Node parent, std::string_view wanted) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = hash(parent, wanted) & mask;
  while (slots_[slot] != no_node &&
         (nodes_[slots_[slot]].parent != parent || name(slots_[slot]) != wanted)) {
    slot = (slot + 1) & mask;
  }
  return slot;
}

Node NodeTable::find(Node parent, std::string_view name) const {
  return slots_[slot_of(parent, name)];
}

Node NodeTable::add(Node parent, std::string_view name) {
  const Node node = size();
  OverlayNode& added = nodes_.emplace_back();
  added.name = keep(name);
  added.parent = parent;
  added.content = node;
  if (node == root_node) return node;
  OverlayNode& above = nodes_[parent];
  added.next = above.first;
  if (added.next != no_node) nodes_[added.next].previous = node;
  above.first = node;
  if ((used_ + 1) * 4 > slots_.size() * 3) grow();
  slots_[slot_of(parent, name)] = node;
  ++used_;
  return node;
}

void NodeTable::grow() {
  std::vector<Node> old(slots_.size() * 2, no_node);
  old.swap(slots_);
  for (const Node node : old) {
    if (node != no_node) slots_[slot_of(nodes_[node].parent, name(node))] = node;
  }
}

void NodeTable::erase(Node node) {
  OverlayNode& gone = nodes_[node];
  if (gone.previous == no_node) {
    nodes_[gone.parent].first = gone.next;
  } else {
    nodes_[gone.previous].next = gone.next;
  }
  if (gone.next != no_node) nodes_[gone.next].previous = gone.previous;
  gone.is_there = false;

  // What follows without a gap moves up, unless it would come to stand before its own slot.
  const std::size_t mask = slots_.size() - 1;
  std::size_t hole = slot_of(gone.parent, name(node));
  for (std::size_t at = (hole + 1) & mask; slots_[at] != no_node; at = (at + 1) & mask) {
    const std::size_t home = hash(nodes_[slots_[at]].parent, name(slots_[at])) & mask;
    if (((at - home) & mask) < ((at - hole) & mask)) continue;
    slots_[hole] = slots_[at];
    hole = at;
  }
  slots_[hole] = no_node;
  --used_;
}

std::uint32_t NodeTable::keep(std::string_view text) {
  const auto size = static_cast<std::uint16_t>(text.size());
  if (block_used_ + sizeof size + size > text_block) {
    blocks_.push_back(std::make_unique<char[]>(text_block + sizeof size));
    block_used_ = 0;
  }
  char* to = blocks_.back().get() + block_used_;
  std::memcpy(to, &size, sizeof size);
  if (size > 0) std::memcpy(to + sizeof size, text.data(), size);
  const std::size_t id = (blocks_.size() - 1) * text_block + block_used_;
  block_used_ += sizeof size + size;
  return static_cast<std::uint32_t>(id);
}

std::string_view NodeTable::text(std::uint32_t id) const {
  const char* from = blocks_[id / text_block].get() + id % text_block;
  std::uint16_t size = 0;
  std::memcpy(&size, from, sizeof size);
  return {from + sizeof size, size};
}

std::uint64_t NodeTable::memory() const {
  return nodes_.size() * sizeof(OverlayNode) + slots_.size() * sizeof(Node) +
         blocks_.size() * text_block;
}

}  // namespace davit::oci
