#pragma once

// For sources only: brings nlohmann/json in.

#include <nlohmann/json.hpp>

#include <string_view>

#include "oci/model/descriptor.hpp"
#include "oci/model/json.hpp"

namespace davit::oci {

Descriptor descriptor_from(const Json& json, std::string_view what);
nlohmann::ordered_json to_ordered_json(const Descriptor& descriptor);
Annotations string_map(const Json& object, const char* key, std::string_view what);

}  // namespace davit::oci
