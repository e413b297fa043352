// The one header that a service includes. A header of its own that only names types: fwd.h.
#pragma once

#include <string>

#include "polymeter/buckets.h"
#include "polymeter/metrics.h"
#include "polymeter/options.h"
#include "polymeter/render.h"
#include "polymeter/scrape.h"

POLYMETER_BEGIN_NAMESPACE

// A Metrics as the environment says (METRICS_BACKEND and its kin; Metrics::Describe lists them).
// A bad value never stops the service: everything wrong is reported in one message with what is
// accepted and what is used instead. Only with METRICS_STRICT=true it throws std::invalid_argument
// (or, built without exceptions, behaves as if METRICS_STRICT were not set).
POLYMETER_EXPORT Metrics FromEnvironment(std::string service);
POLYMETER_EXPORT Metrics FromEnvironment(const Options& options);
// The same; with METRICS_STRICT=true the problems are the error.
POLYMETER_EXPORT Result<Metrics> TryFromEnvironment(const Options& options);
// As the options say; reads no environment.
POLYMETER_EXPORT Metrics Build(const Options& options);
// The same; anything wrong in the options is the error.
POLYMETER_EXPORT Result<Metrics> TryBuild(const Options& options);

POLYMETER_END_NAMESPACE
