#include "sdk/src/portability.h"

#include <exception>
#include <iterator>
#include <string>
#include <utility>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

FamilyDescription DescriptionOf(const FamilySpec& family) {
  FamilyDescription description;
  description.type = family.type;
  description.name = family.name;
  description.unit = family.unit;
  description.otel_name = family.otel_name;
  if (family.label_views.empty()) {
    description.labels.assign(family.labels.begin(), family.labels.end());
  } else {
    for (const auto& label : family.shown.labels) description.labels.push_back(label.name);
  }
  description.additive = family.additive;
  description.explicit_buckets = family.bounds != nullptr && family.bounds->count != 0;
  description.native = family.native.has_value();
  description.exemplars = family.exemplars;
  return description;
}

std::string NoteInWords(const PortabilityNote& note) {
  std::string words = note.backend + ": " + std::string(ToString(note.effect));
  if (!note.detail.empty()) words += " (" + note.detail + ")";
  return words;
}

}  // namespace

std::vector<PortabilityNote> CheckPortability(
    const FamilySpec& family, const std::vector<std::weak_ptr<Backend>>& own,
    const std::function<std::vector<PortabilityNote>(const FamilyDescription&)>& built_in) {
  const FamilyDescription description = DescriptionOf(family);
  std::vector<PortabilityNote> notes;
  if (built_in) notes = built_in(description);
  for (const auto& weak : own) {
    const auto backend = weak.lock();
    if (backend == nullptr) continue;
    try {
      auto more = backend->CheckPortability(description);
      for (PortabilityNote& note : more) {
        if (note.backend.empty()) note.backend = "own";
      }
      std::move(more.begin(), more.end(), std::back_inserter(notes));
    } catch (const std::exception&) {  // the application's
    } catch (...) {
    }
  }
  for (PortabilityNote& note : notes) note.family = family.name;
  return notes;
}

void ReportAvoidable(const std::vector<PortabilityNote>& notes, Logger& logger) {
  std::string words;
  for (const PortabilityNote& note : notes) {
    if (note.avoidable) words += (words.empty() ? "" : "; ") + NoteInWords(note);
  }
  if (!words.empty()) {
    logger.Log(LogLevel::kWarning, "family " + notes.front().family + " in " + words);
  }
}

}  // namespace detail

std::string_view ToString(PortabilityEffect effect) noexcept {
  switch (effect) {
    case PortabilityEffect::kRenamed:
      return "renamed";
    case PortabilityEffect::kLabelsInName:
      return "labels in the name";
    case PortabilityEffect::kUnitLost:
      return "unit lost";
    case PortabilityEffect::kTypeChanged:
      return "type changed";
    case PortabilityEffect::kNativeLost:
      return "exponential buckets lost";
    case PortabilityEffect::kExemplarsLost:
      return "exemplars lost";
    case PortabilityEffect::kNotCarried:
      break;
  }
  return "not carried";
}

std::string ToString(const std::vector<PortabilityNote>& report) {
  std::string text;
  for (const PortabilityNote& note : report) {
    text +=
        note.family + ": " + detail::NoteInWords(note) + (note.avoidable ? ", avoidable\n" : "\n");
  }
  return text;
}

POLYMETER_END_NAMESPACE
