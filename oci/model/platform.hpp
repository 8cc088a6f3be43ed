#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace davit::oci {

/// What an image runs on (image-index.md, "platform").
struct Platform {
  std::string os;
  std::string architecture;
  std::string variant;     ///< "v7"; empty where none
  std::string os_version;  ///< of Windows images; empty where none
  std::vector<std::string> os_features;

  /// "linux/arm64/v8"
  std::string str() const;
  /// "OS/ARCH[/VARIANT][:OS_VERSION]", with the usual other names (x86_64, aarch64, armhf) made
  /// Go's. Throws Error(usage).
  static Platform parse(std::string_view text);
  /// The machine this program runs on.
  static Platform host();

  /// Whether an image for this platform is what `wanted` asks for: no OS version matches all, and
  /// "10.0.17763" all that begin so; arm64 with no variant is v8, arm with none v7, amd64 v1.
  bool satisfies(const Platform& wanted) const;

  /// What a machine of this platform runs, best first: its own, then older variants.
  std::vector<Platform> choices() const;

  friend bool operator==(const Platform&, const Platform&) = default;
};

}  // namespace davit::oci
