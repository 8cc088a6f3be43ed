#pragma once

#include <memory>

#include "transport/http/transport.hpp"

namespace davit::transport {

/// Follows redirects (301, 302, 303, 307, 308) hop by hop through check_hop: GET and HEAD
/// anywhere, every other method with 307 and 308 at its own origin alone; other redirects are
/// answers as they are. More than 10 hops are Error(failed). Once a request has left its origin it
/// carries only what describes content (Accept, Range), also when the chain comes back.
std::unique_ptr<Transport> make_redirect(Transport& next);

}  // namespace davit::transport
