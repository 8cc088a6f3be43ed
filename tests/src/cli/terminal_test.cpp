#include "src/cli/terminal.hpp"

#include <gtest/gtest.h>

namespace davit::app {
namespace {

TEST(Table, AlignsItsColumnsAndTrimsItsLines) {
  EXPECT_EQ(table({{"NAME", "SIZE"}, {"a", "1 kB"}, {"longer", ""}}),
            "NAME    SIZE\n"
            "a       1 kB\n"
            "longer\n");
}

TEST(Table, CountsCharactersNotBytes) {
  EXPECT_EQ(table({{"é", "x"}, {"ab", "y"}}), "é   x\nab  y\n");
}

TEST(Table, IsEmptyWithoutRows) { EXPECT_EQ(table({}), ""); }

}  // namespace
}  // namespace davit::app
