#pragma once

#include <memory>

#include "oci/store/store.hpp"

namespace davit::oci {

/// Content that two stores have, read from the first of them, and from the second where the first
/// lacks it or does not let it be read. So what goes to several places leaves its source once:
/// from then on it is read where it was put. Everything else is the first one's. Both outlive it.
std::unique_ptr<Store> make_nearer(Store& first, Store& second);

}  // namespace davit::oci
