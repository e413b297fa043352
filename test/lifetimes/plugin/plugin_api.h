// What the host and its plugin say to each other: handles by reference, over a table of functions.
// C++17, as an application's own would be.
#pragma once

#include <polymeter/metrics.h>
#include <polymeter/recorder.h>

struct PluginApi {
  // Increments by 1 and 0.5, observes 1 and sets, `turns` times each, with code inlined into the
  // plugin.
  void (*use)(const polymeter::Counter&, const polymeter::Gauge&, const polymeter::Histogram&,
              int turns);
  // Look-ups and families in the host's Metrics. Only where both share one library.
  void (*use_metrics)(const polymeter::Metrics&, const polymeter::CounterFamily<1>&);
  // Handles of a Metrics that the plugin makes and keeps.
  void (*make)(polymeter::Counter*, polymeter::Gauge*, polymeter::Histogram*);
  // What the plugin's Metrics holds now: the counter's value, and the histogram's count.
  double (*counted)();
  double (*observed)();
  // Records `turns` times by name and by call sites that lie in the plugin, in whatever default its
  // copy of the library has.
  void (*record)(int turns);
  // Makes the plugin's Metrics the default of its copy of the library; end() ends that.
  void (*install)();
  // Ends the plugin's Metrics.
  void (*end)();
};

using GetPluginApi = const PluginApi* (*)();
