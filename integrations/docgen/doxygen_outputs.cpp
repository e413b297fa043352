// Reads the folders that doxygen wrote.
#include <algorithm>
#include <filesystem>
#include <system_error>

#include "integrations/common/file_reader.h"
#include "integrations/docgen/documented.h"
#include "integrations/docgen/doxyfile.h"
#include "polymeter/docgen.h"

POLYMETER_BEGIN_NAMESPACE
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxDoxyfile = std::size_t{4} << 20;
constexpr std::size_t kMaxXmlFile = std::size_t{64} << 20;
constexpr std::uintmax_t kMaxXml = std::uintmax_t{512} << 20;
constexpr std::uint64_t kMaxFiles = 1000000;
// File systems tell times less exactly than clocks do.
constexpr std::chrono::seconds kSlack{2};

fs::path Below(const fs::path& folder, const std::string& path) {
  return path.empty() ? folder : folder / path;  // an absolute path stays what it is
}

// Whether the file is from this run.
bool IsNew(const fs::path& path, std::chrono::system_clock::time_point since) {
  std::error_code error;
  const auto written = fs::last_write_time(path, error);
  if (error) return false;
  // The two clocks' difference, as C++20's clock_cast is not everywhere.
  const auto age = fs::file_time_type::clock::now() - written;
  const auto run = std::chrono::system_clock::now() - since + kSlack;
  return age <= run;
}

std::optional<detail::DoxygenOutputs> OutputsOf(const DoxygenFiles& files) {
  const fs::path folder(files.folder);
  std::string text;
  if (files.doxyfile == "-" ||
      !detail::ReadFile(Below(folder, files.doxyfile).string(), text, kMaxDoxyfile)) {
    return std::nullopt;
  }
  const auto include = [&folder](std::string_view path) -> std::optional<std::string> {
    std::string content;
    if (!detail::ReadFile(Below(folder, std::string(path)).string(), content, kMaxDoxyfile)) {
      return std::nullopt;
    }
    return content;
  };
  return detail::ParseDoxyfile(text, files.variable, include);
}

// XML's own files beside those of the compounds.
bool IsPage(DocgenFormat format, const fs::path& path, const std::string& extension) {
  const std::string name = path.filename().string();
  if (format == DocgenFormat::kMan) return path.has_extension();
  if (name.size() < extension.size() ||
      name.compare(name.size() - extension.size(), extension.size(), extension) != 0) {
    return false;
  }
  return format != DocgenFormat::kXml || (name != "index.xml" && name != "Doxyfile.xml");
}

struct Walk {
  std::uint64_t pages = 0;
  std::uintmax_t xml_bytes = 0;
};

Walk WalkFormat(DocgenFormat format, const fs::path& folder, const std::string& extension,
                std::chrono::system_clock::time_point since, detail::DocumentedCount& documented) {
  Walk walk;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, fs::directory_options::skip_permission_denied,
                                         error);
  std::string text;
  std::uint64_t files = 0;
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_directory(ignored)) {
      // HTML's search index is no page.
      if (entry->path().filename() == "search") entry.disable_recursion_pending();
      continue;
    }
    if (++files > kMaxFiles) break;
    if (!entry->is_regular_file(ignored) || !IsPage(format, entry->path(), extension) ||
        !IsNew(entry->path(), since)) {
      continue;
    }
    ++walk.pages;
    if (format != DocgenFormat::kXml) continue;
    const std::uintmax_t size = entry->file_size(ignored);
    walk.xml_bytes += ignored ? 0 : size;
    if (walk.xml_bytes <= kMaxXml && detail::ReadFile(entry->path().string(), text, kMaxXmlFile)) {
      documented.Add(text);
    }
  }
  return walk;
}

}  // namespace

std::string DoxygenLogFile(const DoxygenFiles& files) {
  const auto outputs = OutputsOf(files);
  // "-" is standard output.
  if (!outputs || outputs->log_file.empty() || outputs->log_file == "-") return {};
  const fs::path path = Below(files.folder, outputs->log_file);
  std::error_code error;
  if (!fs::is_regular_file(path, error) || !IsNew(path, files.since)) return {};
  return path.string();
}

void ReadDoxygenOutputs(const DoxygenFiles& files, DocgenRun& run) {
  const auto outputs = OutputsOf(files);
  if (!outputs) return;
  const fs::path folder = Below(files.folder, outputs->folder);
  for (std::size_t i = 0; i < outputs->formats.size(); ++i) {
    const auto& format = outputs->formats[i];
    if (!format.on) continue;
    detail::DocumentedCount documented;
    const Walk walk = WalkFormat(static_cast<DocgenFormat>(i), Below(folder, format.folder),
                                 format.extension, files.since, documented);
    run.pages[i] = walk.pages;
    if (walk.xml_bytes <= kMaxXml && documented.ratio()) run.documented_ratio = documented.ratio();
  }
}

POLYMETER_END_NAMESPACE
