#include "oci/base/error.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <new>

namespace davit::oci {
namespace {

TEST(Error, KeepsKindAndHintWhenItsContextGrows) {
  const Error error = Error(ErrorKind::denied, "401", "log in").during("push").during("copy");
  EXPECT_STREQ(error.what(), "copy: push: 401");
  EXPECT_EQ(error.kind(), ErrorKind::denied);
  EXPECT_EQ(error.hint(), "log in");
}

TEST(Error, KeepsItsAdviceWhateverElseChanges) {
  const Error error = Error(ErrorKind::denied, "401", Advice::log_in, "registry.example")
                          .during("push")
                          .saying("no")
                          .as(ErrorKind::failed);
  EXPECT_STREQ(error.what(), "no");
  EXPECT_EQ(error.kind(), ErrorKind::failed);
  EXPECT_EQ(error.advice(), Advice::log_in);
  EXPECT_EQ(error.hint(), "registry.example");
}

TEST(Error, HasAHintWhereThereIsASentenceOrAnAdvice) {
  EXPECT_FALSE(Error(ErrorKind::failed, "x").has_hint());
  EXPECT_TRUE(Error(ErrorKind::failed, "x", "look").has_hint());
  EXPECT_TRUE(Error(ErrorKind::failed, "x", Advice::allow_more).has_hint());
}

TEST(Error, TakesBracesInTextsAsTheyAre) {
  EXPECT_STREQ(Error(ErrorKind::failed, "{}").during("{0}%s").what(), "{0}%s: {}");
}

ErrorKind kind_of(int code) {
  errno = code;
  return errno_error("f").kind();
}

TEST(ErrnoError, HasTheKindOfTheCode) {
  EXPECT_EQ(kind_of(ENOENT), ErrorKind::not_found);
  EXPECT_EQ(kind_of(ENOTDIR), ErrorKind::not_found);
  EXPECT_EQ(kind_of(EACCES), ErrorKind::denied);
  EXPECT_EQ(kind_of(EPERM), ErrorKind::denied);
  EXPECT_EQ(kind_of(ENOSPC), ErrorKind::failed);
}

TEST(ErrnoError, NamesTheThingAndTheReason) {
  errno = ENOSPC;
  EXPECT_STREQ(errno_error("/var/tmp/x").what(), "/var/tmp/x: No space left on device");
}

TEST(Doing, GivesBackWhatTheActionGives) {
  EXPECT_EQ(doing("count", [] { return 3; }), 3);
  int value = 0;
  int& same = doing("refer", [&]() -> int& { return value; });
  EXPECT_EQ(&same, &value);
  doing("nothing", [] {});
}

TEST(Doing, SaysWhatWasBeingDone) {
  try {
    doing("push x", [] { throw Error(ErrorKind::corrupt, "bad", "look"); });
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "push x: bad");
    EXPECT_EQ(error.kind(), ErrorKind::corrupt);
    EXPECT_EQ(error.hint(), "look");
  }
}

TEST(Doing, LeavesOtherExceptionsAlone) {
  EXPECT_THROW(doing("push x", [] { throw std::bad_alloc(); }), std::bad_alloc);
}

}  // namespace
}  // namespace davit::oci
