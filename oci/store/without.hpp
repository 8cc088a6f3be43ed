#pragma once

#include <memory>
#include <set>

#include "oci/model/digest.hpp"
#include "oci/store/store.hpp"

namespace davit::oci {

/// A store that says of some content that it has it, so that what is copied there comes without: a
/// delta for a side that has the rest. Both outlive it.
std::unique_ptr<Store> make_without(Store& store, const std::set<Digest>& known);

}  // namespace davit::oci
