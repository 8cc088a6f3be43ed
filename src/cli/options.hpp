#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "oci/model/platform.hpp"
#include "src/cli/arguments.hpp"
#include "src/ops/places.hpp"
#include "transport/ecr/repositories.hpp"

namespace davit::app {

// The options that several commands have, in groups. A command declares those that it understands.
// What they say of the session has taken effect when the command runs; what a command itself asks
// for is a struct of its own, which it keeps among its words. Values that make no sense, and files
// that are not there, end the program before anything is sent.

/// What a command prints.
enum class Prints {
  result,  ///< text for a person or, with --json, one object for a script
  bytes,   ///< what others wrote, byte for byte, or nothing at all
};

/// What is said, and in which form: what every command has.
void declare_output(Arguments& command, Prints prints = Prints::result);

/// That, and how servers are reached: what every command has that speaks to registries.
void declare_common(Arguments& command, Prints prints = Prints::result);

/// How progress is shown, where layers move.
void declare_progress(Arguments& command);

/// Where images move. Progress is shown.
struct Transfer {
  std::size_t jobs = 8;

  void declare(Arguments& command);
};

/// Where images are stored in a place that is named.
struct Destination {
  std::string chunk_size;
  bool dry_run = false;
  bool create = false;
  std::string ecr_settings;
  transport::ecr::RepositorySettings
      repository;  ///< of the repositories that are made: what the file says

  void declare(Arguments& command);
  /// With --create: makes the repositories of these places that are in Amazon ECR and missing.
  void prepare(Session& session, const std::vector<Place>& places) const;
  /// What a destination is opened for: a dry run changes nothing.
  Use use() const { return dry_run ? Use::rehearse : Use::write; }
};

/// A dry run by itself, where no layers move.
void declare_dry_run(Arguments& command, bool& dry_run);

/// Of an index, which image.
struct PlatformChoice {
  std::string platform;
  bool all = false;

  /// Declares --platform alone, where one image is wanted.
  void declare_one(Arguments& command, const std::string& help);
  /// Declares --all-platforms too, where an index is taken whole by default.
  void declare(Arguments& command);
  /// Nothing where none was chosen.
  std::optional<oci::Platform> chosen() const;
};

}  // namespace davit::app
