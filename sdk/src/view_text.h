// Views as text: METRICS_VIEWS.
//
//   rules    rule (';' rule)*
//   rule     [backend '/'] family ['[' type ']'] '=' action (',' action)*
//   action   keep | drop | drop_labels(a,b) | keep_labels(a,b) | rename_label(from:to)
//            | buckets(0.1,0.5,1) | buckets(native) | buckets(native:schema)
//
// Spaces, tabs and line ends may stand around every part, and empty rules are none.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "polymeter/views.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// A piece between two ';' that is no rule.
struct BadView {
  std::string rule;
  std::string why;  // "holds 'x', which ..."
};

// The rules that are right, in their order; what is wrong with each other one goes to `bad`.
POLYMETER_EXPORT std::vector<View> ParseViews(std::string_view text, std::vector<BadView>& bad);

// Gives ParseViews the same view again, if CheckView accepts it and no name in it holds a
// character that the grammar uses.
POLYMETER_EXPORT std::string ToText(const View& view);

// What is wrong with a view that code has made; empty: nothing.
POLYMETER_EXPORT std::string CheckView(const View& view);

}  // namespace detail
POLYMETER_END_NAMESPACE
