#pragma once

#include <functional>
#include <string_view>

#include "transport/http/transport.hpp"

namespace davit::transport {

/// Follows a list through its Link headers (distribution-spec, "Listing Tags"), within the origin,
/// no page twice and at most 10,000 of them. `page` gets each body. False if the first answer is
/// 404; other failures throw, naming `what`.
bool each_page(const oci::Call& call, Transport& transport, Request request, std::string_view what,
               const std::function<void(const Response&)>& page);

/// The target of the first link with rel="next" among Link headers (RFC 8288); empty if none.
std::string next_link(const Headers& headers);

}  // namespace davit::transport
