// Reads single values out of a snapshot, for tests. What users' tests have is what ours use.
#pragma once

#include "polymeter/testing.h"
