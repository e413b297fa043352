// A Metrics as text, for a service that shows or stores it itself. C++17.
#pragma once

#include <string>
#include <string_view>

#include "polymeter/export.h"
#include "polymeter/fwd.h"
#include "polymeter/status.h"

POLYMETER_BEGIN_NAMESPACE

// What `metrics` holds now, in one of the formats of this build: "json", "jsonl", "csv", "text"
// (Prometheus 0.0.4), "openmetrics" (1.0), or what the backend of another name writes with its
// default options; messages of a format that has several (datagrams) follow each other. Producers
// are called as for a backend. Thread-safe, never throws. An error for a format that is not there
// (it names those that are), and for a Metrics that does not record: select a backend or declare
// Options().Consumer().
//
//   if (auto page = polymeter::Render(metrics, "json")) Show(page.value());
POLYMETER_EXPORT Result<std::string> Render(const Metrics& metrics, std::string_view format);

POLYMETER_END_NAMESPACE
