#pragma once

#include <poll.h>

#include <chrono>
#include <optional>
#include <span>
#include <stop_token>
#include <string_view>

#include "oci/base/bytes.hpp"

namespace davit::oci {

/// Waits as poll(2) does until one of the descriptors is ready. False if none is at the deadline.
/// Throws Error(interrupted) as soon as a stop is asked for.
bool wait_ready(std::span<pollfd> watched, const std::stop_token& stop,
                std::optional<std::chrono::steady_clock::time_point> deadline = std::nullopt);

/// Writes to what may keep its writer waiting: a pipe, a terminal, a socket. A wait ends with
/// Error(interrupted) as soon as a stop is asked for. A descriptor that does not wait (O_NONBLOCK,
/// which a process may inherit with its standard streams) is waited for here.
void write_when_ready(int fd, Bytes bytes, std::string_view what, const std::stop_token& stop);
/// One write(2) of the same: some of the bytes, at least one; 0 and errno where it fails.
std::size_t write_some_when_ready(int fd, Bytes bytes, const std::stop_token& stop);

/// Reads from the same: up to `into.size()` bytes; 0 at the end.
std::size_t read_when_ready(int fd, std::span<std::byte> into, std::string_view what,
                            const std::stop_token& stop);

}  // namespace davit::oci
