#include "tests/support/content.hpp"

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

namespace davit::tests {

std::string words(std::size_t size, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::string> vocabulary(2000);
  for (std::string& word : vocabulary) {
    word.resize(3 + random() % 9);
    for (char& c : word) c = static_cast<char>('a' + random() % 26);
    word += ' ';
  }
  std::string text;
  text.reserve(size + 16);
  while (text.size() < size) {
    const std::uint64_t draw = random();
    text += vocabulary[std::min<std::uint64_t>(draw % 2000, (draw >> 32) % 2000)];
  }
  text.resize(size);
  return text;
}

std::string noise(std::size_t size, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string bytes(size, '\0');
  for (std::size_t at = 0; at < size; at += sizeof(std::uint64_t)) {
    const std::uint64_t draw = random();
    std::memcpy(&bytes[at], &draw, std::min(sizeof draw, size - at));
  }
  return bytes;
}

}  // namespace davit::tests
