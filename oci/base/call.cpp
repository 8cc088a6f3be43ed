#include "oci/base/call.hpp"

#include "oci/base/error.hpp"

namespace davit::oci {

void Call::check() const {
  if (stop.stop_requested()) throw Error(ErrorKind::interrupted, "interrupted");
}

}  // namespace davit::oci
