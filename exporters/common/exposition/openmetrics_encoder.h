// OpenMetrics text 1.0 (https://prometheus.io/docs/specs/om/open_metrics_spec/).
//
// Written so that strict parsers accept the page:
// - A counter `x_total` is the family `x`. One without `_total`, or whose family name is taken by a
//   gauge `x` or `x_created`, is `unknown` under its own name.
// - UNIT only where the family's name ends in it; HELP only where there is any.
// - The format knows only sums that grow. A histogram with a negative bound, or whose sum is
//   negative or NaN, has neither _sum nor _count; a summary with such a sum has no _sum.
// - A counter that is negative or NaN (a producer's) cannot be carried, nor can a gauge `h_created`
//   beside a histogram or summary `h`.
// - Exemplars stand on the _total of what is written as a counter and on the _bucket lines of
//   histograms; one whose value lies outside of its bucket is left out.
// - Where escaping makes one name of two, one family or series of them stays (FamilyNaming,
//   WithoutClashingSeries); the points of the others are dropped as "name_clash".
// The resource becomes `target_info`, the first family, unless the snapshot has one of that name.
#pragma once

#include <memory>

#include "exporters/common/exposition/name_escaping.h"
#include "polymeter/encoder.h"

POLYMETER_BEGIN_NAMESPACE

struct OpenMetricsOptions {
  bool created_timestamps = false;  // <name>_created lines: start times, in seconds
  // How names that are not legacy ones are written.
  detail::NameEscaping escaping = detail::NameEscaping::kUnderscores;
};

std::unique_ptr<Encoder> MakeOpenMetricsEncoder(OpenMetricsOptions options = {});

POLYMETER_END_NAMESPACE
