#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/model/digest.hpp"
#include "oci/model/platform.hpp"

namespace davit::oci {

/// One step of how an image came to be (config.md, "history").
struct History {
  std::string created;
  std::string created_by;
  std::string author;
  std::string comment;
  bool empty_layer = false;
};

/// A read-only view of an image configuration (config.md).
struct ImageConfig {
  Platform platform;
  std::string created;
  std::string author;
  std::vector<Digest> diff_ids;
  std::vector<History> history;
  std::vector<std::string> env;
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  std::string working_dir;
  std::string user;
  std::map<std::string, std::string> labels;
  std::vector<std::string> exposed_ports;
  std::vector<std::string> volumes;
};

/// Throws Error(corrupt) naming `what`.
ImageConfig parse_config(std::string_view bytes, std::string_view what);

/// What a derived configuration says differently from its base. Lists replace, maps add.
struct ConfigChanges {
  struct Layer {
    Digest diff_id;
    std::string created_by;
    std::string comment = {};
  };

  std::optional<Platform> platform;
  std::string created;  ///< RFC 3339
  std::optional<std::string> author;
  std::vector<std::string> env;  ///< "NAME=value"; replaces the base's value of the same name
  std::optional<std::vector<std::string>> entrypoint;  ///< drops the base's cmd, as docker build
  std::optional<std::vector<std::string>> cmd;
  std::optional<std::string> working_dir;
  std::optional<std::string> user;
  std::optional<std::string> stop_signal;
  std::optional<std::vector<std::string>> healthcheck;  ///< the "Test" array
  std::vector<std::string> exposed_ports;               ///< "80/tcp"
  std::vector<std::string> volumes;
  std::map<std::string, std::string> labels;
  std::vector<Layer> layers;  ///< on top of the base's
  std::string created_by;     ///< what the history says where there are none
};

/// A new configuration: the base's with its unknown members kept and its history filled up to an
/// entry for each of its layers (some readers refuse less), and the changes. Same input, same
/// bytes.
std::string derive_config(std::optional<std::string_view> base, const ConfigChanges& changes);

}  // namespace davit::oci
