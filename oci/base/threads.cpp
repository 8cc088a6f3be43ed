#include "oci/base/threads.hpp"

#include <new>
#include <system_error>
#include <utility>

#include "oci/base/error.hpp"

namespace davit::oci {

bool Threads::try_start(std::function<void()> work) noexcept {
  try {
    threads_.emplace_back(std::move(work));
    return true;
  } catch (const std::system_error&) {
    return false;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

void Threads::start(std::function<void()> work) {
  if (!try_start(std::move(work))) {
    throw Error(ErrorKind::failed, "the system refuses to start a thread");
  }
}

}  // namespace davit::oci
