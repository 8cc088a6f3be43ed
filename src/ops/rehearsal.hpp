#pragma once

#include <memory>

#include "oci/store/store.hpp"

namespace davit::app {

/// Answers questions from a real store and changes nothing in it: what a dry run writes to. What
/// is added is produced and measured, so digests are true, and a log line says what would happen.
std::unique_ptr<oci::Store> make_rehearsal(std::unique_ptr<oci::Store> real);

}  // namespace davit::app
