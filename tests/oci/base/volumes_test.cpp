#include "oci/base/volumes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "oci/base/error.hpp"
#include "tests/support/content.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::oci {
namespace {

using tests::error_of;
using tests::kind_of;
using tests::noise;
using tests::write_file;
namespace fs = std::filesystem;

class VolumesOfAFile : public testing::Test {
 protected:
  fs::path path(const char* end = "") const { return name_.native() + end; }
  std::string text(const char* end) const { return read_file(path(end), 1 * MiB); }
  void write(const std::string& content, std::optional<std::uint64_t> volume_size) const {
    const auto volumes = Volumes::write(path(".part"), volume_size);
    volumes->write_at(0, bytes_of(content), "content");
    volumes->seal(content.size());
    volumes->rename(name_);
  }
  std::string all() const {
    const auto volumes = Volumes::open(name_);
    StringSink sink(1 * MiB, "content");
    volumes->send(0, volumes->size("content"), sink, "content");
    return sink.text();
  }
  std::ptrdiff_t files() const {
    return std::distance(fs::directory_iterator(dir_.path()), fs::directory_iterator());
  }

  tests::TempDir dir_;
  fs::path name_ = dir_ / "app.bundle";
};

TEST_F(VolumesOfAFile, GoOnWhereTheOneBeforeEnds) {
  const std::string content = noise(2500, 1);
  write(content, 1000);
  EXPECT_EQ(text(".001"), content.substr(0, 1000));
  EXPECT_EQ(text(".002"), content.substr(1000, 1000));
  EXPECT_EQ(text(".003"), content.substr(2000));
  EXPECT_EQ(all(), content);
  EXPECT_EQ(files(), 3);
}

TEST_F(VolumesOfAFile, HaveNoEmptyOneAtTheEnd) {
  write(noise(2000, 1), 1000);
  EXPECT_EQ(files(), 2);
}

TEST_F(VolumesOfAFile, AreOneFileWithoutASize) {
  const std::string content = noise(2500, 1);
  write(content, std::nullopt);
  EXPECT_EQ(text(""), content);
  EXPECT_EQ(all(), content);
  EXPECT_EQ(files(), 1);
}

TEST_F(VolumesOfAFile, AreWrittenInAnyOrder) {
  const std::string content = noise(2500, 1);
  const auto volumes = Volumes::write(path(".part"), 1000);
  volumes->write_at(1900, bytes_of(content).subspan(1900), "content");
  volumes->write_at(0, bytes_of(content).first(1900), "content");
  volumes->seal(content.size());
  volumes->rename(name_);
  EXPECT_EQ(all(), content);
}

TEST_F(VolumesOfAFile, TakeThePlaceOfAllThatWereThere) {
  write("before", std::nullopt);
  write(noise(5000, 1), 1000);
  const std::string content = noise(1500, 2);
  write(content, 1000);
  EXPECT_EQ(all(), content);
  EXPECT_EQ(files(), 2);
}

TEST_F(VolumesOfAFile, AreFoundByTheFirst) {
  write(noise(2500, 1), 1000);
  EXPECT_EQ(Volumes::open(path(".001"))->size("content"), 2500u);
}

TEST_F(VolumesOfAFile, ComeAfterAFileOfTheName) {
  write(noise(2500, 1), 1000);
  write_file(name_, "one file");
  EXPECT_EQ(all(), "one file");
}

TEST_F(VolumesOfAFile, AreNamedWhereOneIsMissing) {
  write(noise(2500, 1), 1000);
  fs::remove(path(".002"));
  const auto error = error_of([&] { Volumes::open(name_); });
  EXPECT_EQ(error->kind(), ErrorKind::not_found);
  EXPECT_THAT(error->what(), testing::HasSubstr("app.bundle.002 is missing"));
}

TEST_F(VolumesOfAFile, AreNamedWhereSeveralAreMissing) {
  write(noise(4500, 1), 1000);
  for (const char* missing : {".002", ".003", ".004"}) fs::remove(path(missing));
  const auto error = error_of([&] { Volumes::open(name_); });
  EXPECT_EQ(error->kind(), ErrorKind::not_found);
  EXPECT_THAT(error->what(), testing::HasSubstr("app.bundle.002 is missing"));
}

TEST_F(VolumesOfAFile, TakeNoDescriptorEach) {
  const std::string content = noise(9000, 1);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few{64, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  write(content, 10);
  EXPECT_EQ(all(), content);
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST_F(VolumesOfAFile, AreAllOfOneSizeButTheLast) {
  write(noise(2500, 1), 1000);
  write_file(path(".002"), "short");
  const auto error = error_of([&] { Volumes::open(name_); });
  EXPECT_EQ(error->kind(), ErrorKind::corrupt);
  EXPECT_THAT(error->what(), testing::HasSubstr("app.bundle.002 has 5 bytes"));
}

TEST_F(VolumesOfAFile, AreNotFoundWhereThereIsNothing) {
  EXPECT_EQ(kind_of([&] { Volumes::open(name_); }), ErrorKind::not_found);
}

TEST_F(VolumesOfAFile, AreAtMost999) {
  const auto volumes = Volumes::write(path(".part"), 10);
  EXPECT_EQ(kind_of([&] { volumes->write_at(9990, bytes_of("too many"), "content"); }),
            ErrorKind::refused);
}

TEST_F(VolumesOfAFile, DoNotEndBeforeWhatIsAskedFor) {
  write(noise(2500, 1), 1000);
  NullSink sink;
  EXPECT_EQ(kind_of([&] { Volumes::open(name_)->send(0, 3001, sink, "content"); }),
            ErrorKind::corrupt);
}

}  // namespace
}  // namespace davit::oci
