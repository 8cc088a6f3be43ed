#pragma once

#include <string_view>

#include "oci/model/descriptor.hpp"
#include "oci/model/json.hpp"

namespace davit::oci {

Descriptor descriptor_from(const Json& json, std::string_view what);
Json json_of(const Descriptor& descriptor);
Annotations string_map(const Json& object, std::string_view key, std::string_view what);

}  // namespace davit::oci
