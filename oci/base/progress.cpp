#include "oci/base/progress.hpp"

namespace davit::oci {

void ProgressSink::write(Bytes bytes) {
  to_.write(bytes);
  event_.bytes += bytes.size();
  if (progress_ != nullptr) progress_->update(event_);
}

}  // namespace davit::oci
