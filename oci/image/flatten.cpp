#include "oci/image/flatten.hpp"

#include <vector>

#include "oci/image/image_tree.hpp"
#include "oci/layer/tar_writer.hpp"

namespace davit::oci {
namespace {

/// The name under which a node's entry is written when its turn comes: its own; another one, if
/// what it describes has lost this name but is still there; or none.
Node name_for(const Overlay& files, Node node) {
  const OverlayNode& found = files[node];
  if (found.type == EntryType::directory) return found.is_there ? node : no_node;
  if (found.content == node) return found.links > 0 ? found.first : no_node;
  return found.is_there && files.first_name(node) != node ? node : no_node;
}

/// Says which directories have what is in them at several places of the tar.
class Scattering {
 public:
  explicit Scattering(const Overlay& files) : files_(files), states_(files.size(), State::before) {
    for (Node node = 0; node < files.size(); ++node) {
      const Node name = name_for(files, node);
      if (name == no_node || name == root_node) continue;
      // A directory's own entry belongs to what is in it.
      enter(files.is_directory(name) ? name : files[name].parent);
    }
    states_[root_node] = State::scattered;  // whatever stands in it, it is the last to be written
  }

  bool is_scattered(Node directory) const { return states_[directory] == State::scattered; }

 private:
  enum class State : std::uint8_t { before, inside, after, scattered };

  /// The next entry is in this directory.
  void enter(Node directory) {
    if (directory == here_) return;
    // Out of those that it is not in, and into those that the last one was not in.
    std::vector<Node> above;
    for (Node at = directory; at != root_node && !is_open(at); at = files_[at].parent) {
      above.push_back(at);
    }
    const Node common = above.empty() ? directory : files_[above.back()].parent;
    while (!open_.empty() && open_.back() != common) {
      if (states_[open_.back()] == State::inside) states_[open_.back()] = State::after;
      open_bits_[open_.back()] = false;
      open_.pop_back();
    }
    for (auto at = above.rbegin(); at != above.rend(); ++at) {
      states_[*at] = states_[*at] == State::before ? State::inside : State::scattered;
      open_bits_[*at] = true;
      open_.push_back(*at);
    }
    here_ = directory;
  }

  bool is_open(Node directory) const { return open_bits_[directory]; }

  const Overlay& files_;
  std::vector<State> states_;
  std::vector<bool> open_bits_ = std::vector<bool>(files_.size());
  std::vector<Node> open_;  // the last entry's directory and those above it, that one last
  Node here_ = root_node;
};

class Flattener final : public TreeHandler {
 public:
  Flattener(const Overlay& files, TarHandler& to)
      : files_(files), to_(to), scattering_(files), written_(files.size()) {}

  void node(Node node, const TarEntry& entry) override {
    passing_ = false;
    const Node name = name_for(files_, node);
    if (name == no_node) return;
    if (files_.is_directory(name)) {
      if (!scattering_.is_scattered(name)) write_directory(name);
      return;
    }
    write_directory(files_[name].parent);
    passing_ = true;
    TarEntry written = files_.entry(name, files_.path(name));
    if (written.type != EntryType::hardlink) written.xattrs = entry.xattrs;
    to_.entry(written);
  }

  void data(Bytes bytes) override {
    if (passing_) to_.data(bytes);
  }

  /// What stands at the end, from below.
  void finish() {
    for (Node node = files_.size(); node-- > 0;) {
      if (files_[node].is_there && files_.is_directory(node) && !written_[node]) write(node);
    }
  }

 private:
  /// With those above it, if they stand before what is in them.
  void write_directory(Node directory) {
    std::vector<Node> above;
    for (Node at = directory; at != root_node && !written_[at]; at = files_[at].parent) {
      above.push_back(at);
    }
    for (auto at = above.rbegin(); at != above.rend(); ++at) {
      if (!scattering_.is_scattered(*at)) write(*at);
    }
  }

  void write(Node directory) {
    written_[directory] = true;
    if (directory != root_node) {
      to_.entry(files_.entry(directory, files_.path(directory)));
    } else if (!files_[root_node].is_implied) {
      to_.entry(files_.entry(root_node, "."));
    }
  }

  const Overlay& files_;
  TarHandler& to_;
  const Scattering scattering_;
  std::vector<bool> written_;
  bool passing_ = false;
};

}  // namespace

void flatten(const Call& call, const ImageLayers& image, const LayerReading& reading,
             TarHandler& to) {
  const ImageTree tree(call, image, reading);
  Flattener flattener(tree.files(), to);
  tree.read(
      call, reading, [&](Node node) { return name_for(tree.files(), node) != no_node; }, flattener);
  flattener.finish();
}

void export_tar(const Call& call, const ImageLayers& image, const LayerReading& reading, Sink& to) {
  struct Writer final : TarHandler {
    explicit Writer(BlockWriter& blocks) : tar(blocks) {}
    void entry(const TarEntry& entry) override { tar.entry(entry); }
    void data(Bytes bytes) override { tar.write(bytes); }
    TarWriter tar;
  };
  BlockPool pool(2);
  BlockWriter blocks(pool, [&](const Block& block) { to.write(Bytes(*block)); });
  Writer writer(blocks);
  flatten(call, image, reading, writer);
  writer.tar.finish();
  blocks.finish();
}

}  // namespace davit::oci
