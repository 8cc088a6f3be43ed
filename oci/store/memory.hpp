#pragma once

#include <memory>
#include <string>

#include "oci/store/store.hpp"

namespace davit::oci {

/// A store that lives as long as the object does, for tests and small things. It behaves as an
/// image layout does, see make_layout_store.
std::unique_ptr<Store> make_memory_store(std::string name);

}  // namespace davit::oci
