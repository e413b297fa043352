// The plugin's side: counts into handles that it is given, and gives away handles of its own.
#include "plugin_api.h"

namespace {

polymeter::Metrics* g_metrics = nullptr;
polymeter::DefaultInstallation g_installed;
polymeter::Counter g_counter;
polymeter::Histogram g_histogram;

void Use(const polymeter::Counter& counter, const polymeter::Gauge& gauge,
         const polymeter::Histogram& histogram, int turns) {
  for (int i = 0; i < turns; ++i) {
    counter.Increment();
    counter.Increment(0.5);
    gauge.Increment();
    histogram.Observe(1);
  }
}

void UseMetrics(const polymeter::Metrics& metrics, const polymeter::CounterFamily<1>& family) {
  family.With("from plugin").Increment(3);
  metrics.Counter("made_in_plugin_total", "M.").Increment(4);
}

void Make(polymeter::Counter* counter, polymeter::Gauge* gauge, polymeter::Histogram* histogram) {
  g_metrics = new polymeter::Metrics(polymeter::Options().Consumer());
  g_counter = g_metrics->Counter("plugin_total", "P.");
  g_histogram = g_metrics->Histogram("plugin_seconds", "P.");
  *counter = g_counter;
  *gauge = g_metrics->Gauge("plugin", "P.");
  *histogram = g_histogram;
}

double Counted() { return g_counter.Value(); }
double Observed() { return static_cast<double>(g_histogram.Count()); }

void Record(int turns) {
  for (int i = 0; i < turns; ++i) {
    polymeter::RecordCount("plugin_named", 1, {{"where", "plugin"}});
    POLYMETER_COUNTER("plugin_site_total", "Counted at a site in the plugin.").Increment();
    POLYMETER_TIME_SCOPE("plugin_scope_seconds", "Timed by a scope in the plugin.");
  }
}

void Install() { g_installed = polymeter::InstallDefault(*g_metrics); }

void End() {
  g_installed.End();
  delete g_metrics;
  g_metrics = nullptr;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) const PluginApi* polymeter_test_plugin() {
  static const PluginApi api = {Use, UseMetrics, Make, Counted, Observed, Record, Install, End};
  return &api;
}
