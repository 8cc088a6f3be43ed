#include "oci/base/progress.hpp"

namespace davit::oci {

void ProgressSink::write(Bytes bytes) {
  call_.check();
  to_.write(bytes);
  event_.bytes += bytes.size();
  if (call_.progress != nullptr) call_.progress->update(event_);
}

}  // namespace davit::oci
