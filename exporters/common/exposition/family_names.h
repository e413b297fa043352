// Under which name and type a family stands on a page. In OpenMetrics a counter `x_total` is the
// family `x`, an info `x_info` too, and a family owns names beyond those of its samples
// (`x_created`); where two families would own the same name, strict parsers refuse the page.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "polymeter/snapshot.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

enum class FamilyForm : std::uint8_t {
  kNatural,
  kDemoted,  // another family owns a name that it needs: a counter is `unknown`, an info a gauge
  kLeftOut,  // the other family owns the very names of its samples
};

// What a family is called in its metadata, its type there, and the name of its samples.
struct FamilyNames {
  std::string family;
  std::string_view type;
  std::string sample;
};

// Decides for the families of one snapshot. Depends on their names and kinds only, so that the
// answer is the same whatever stands in a cache.
class FamilyNaming {
 public:
  FamilyNaming(const Snapshot& snapshot, bool openmetrics);

  FamilyForm FormOf(const FamilyView& family) const;
  FamilyNames NamesOf(const FamilyView& family, FamilyForm form) const;
  // Whether target_info can be written: OpenMetrics, there is a resource, and no family of the
  // application has a name that it needs.
  bool has_target() const noexcept { return has_target_; }

 private:
  const FamilyView* Find(std::string_view name) const;
  bool IsCounter(std::string_view stem) const;
  bool OwnedByComposite(std::string_view name) const;
  bool Owned(std::string_view name) const;
  bool BaseTaken(std::string_view base) const;

  const std::vector<FamilyView>& families_;
  const bool openmetrics_;
  bool has_target_ = false;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
