// What most tests include anyway; see oci/pch/pch.hpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/pch/pch.hpp"
