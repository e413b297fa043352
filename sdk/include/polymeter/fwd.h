// The names of polymeter's types, for a header that only names them: as references, pointers,
// parameters and results. Costs nothing to include. Compiles as C++14.
#pragma once

#include <cstddef>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE

class POLYMETER_EXPORT Metrics;  // metrics.h
class Options;                   // options.h
class FamilyOptions;
struct Setting;

class Counter;  // instruments.h
class Gauge;
class Histogram;
class Info;
class ScopedTimer;
class Timer;
class Summary;  // summary.h
class SummaryTimer;

// The label names of a family are known only at run time; the number of values is then
// checked at run time.
constexpr std::size_t kDynamic = static_cast<std::size_t>(-1);

template <class Handle, std::size_t N>
class Family;  // family.h
// Counters with N labels.
template <std::size_t N = kDynamic>
using CounterFamily = Family<Counter, N>;
// Gauges with N labels.
template <std::size_t N = kDynamic>
using GaugeFamily = Family<Gauge, N>;
// Histograms with N labels.
template <std::size_t N = kDynamic>
using HistogramFamily = Family<Histogram, N>;
// Summaries with N labels.
template <std::size_t N = kDynamic>
using SummaryFamily = Family<Summary, N>;
// Infos with N labels.
template <std::size_t N = kDynamic>
using InfoFamily = Family<Info, N>;

class POLYMETER_EXPORT Attachment;  // producer.h
class POLYMETER_EXPORT FamilySink;
class POLYMETER_EXPORT Producer;

class Snapshot;  // snapshot.h
struct FamilyView;
struct Resource;

class Backend;  // backend.h
class SnapshotSource;
struct BackendReport;

class Encoder;  // encoder.h
class EncoderCache;
class MessageSink;

class POLYMETER_EXPORT PushBackend;  // push_backend.h
class PushOptions;
class PushTransport;

class ScrapeSink;  // scrape.h
struct ScrapeRequest;

class Status;  // status.h
template <class T>
class Result;

struct TraceContext;  // trace_context.h

POLYMETER_END_NAMESPACE
