// Under which name and type a family stands on a page. In OpenMetrics a counter `x_total` is the
// family `x`, an info `x_info` too, and a family owns names beyond those of its samples
// (`x_created`); where two families would own the same name, strict parsers refuse the page.
//
// All of it is about names as they are written: where they are escaped, two may become one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporters/common/exposition/name_escaping.h"
#include "polymeter/encoder.h"
#include "polymeter/snapshot.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

enum class FamilyForm : std::uint8_t {
  kNatural,
  kDemoted,  // another family owns a name that it needs: a counter is `unknown`, an info a gauge
  kLeftOut,  // the other family owns the very names of its samples
};

// What a family is called in its metadata, its type there, and the name of its samples. Not quoted.
struct FamilyNames {
  std::string family;
  std::string_view type;
  std::string sample;
};

// Decides for the families of one snapshot. Depends on their names and kinds only, so that the
// answer is the same whatever stands in a cache.
class FamilyNaming {
 public:
  // Of families whose names become one by `escaping` the one that is called so stays, else the
  // first by name; the others are left out.
  FamilyNaming(const Snapshot& snapshot, bool openmetrics,
               NameEscaping escaping = NameEscaping::kAllowUtf8);

  FamilyForm FormOf(const FamilyView& family) const;
  // Calls write(family, form) with what a page can have of a family. What names that become one
  // leave out, all of it or some series, is told `report`.
  template <class Write>
  void Visit(const FamilyView& family, EncodeReport& report, const Write& write) const {
    const FamilyForm form = FormOf(family);
    if (form == FamilyForm::kLeftOut) {
      report.LeaveOut("name_clash", family.size());
    } else if (const auto rest = WithoutClashingSeries(family, report)) {
      write(*rest, form);
    } else {
      write(family, form);
    }
  }
  FamilyNames NamesOf(const FamilyView& family, FamilyForm form) const;
  // Whether target_info can be written: OpenMetrics, there is a resource, and no family of the
  // application has a name that it needs.
  bool has_target() const noexcept { return has_target_; }

 private:
  // A family's name as it is written, without quotes.
  struct Written {
    std::string name;
    const FamilyView* family;
  };
  // Nothing when no series clashes.
  std::optional<FamilyView> WithoutClashingSeries(const FamilyView& family,
                                                  EncodeReport& report) const;
  std::string WrittenName(const FamilyView& family) const;
  void MakeWritten();
  const FamilyView* Find(std::string_view name) const;
  bool IsCounter(std::string_view stem) const;
  bool OwnedByComposite(std::string_view name) const;
  bool Owned(std::string_view name) const;
  bool BaseTaken(std::string_view base) const;

  const std::vector<FamilyView>& families_;
  const bool openmetrics_;
  const NameEscaping escaping_;
  std::vector<Written> written_;  // ascending, none twice; empty: every name is written as it is
  bool has_target_ = false;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
