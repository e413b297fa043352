# Third-party packages. The names are the same in Debian's and ConanCenter's packages.
find_package(Threads REQUIRED)

if(POLYMETER_WITH_PROMETHEUS)
  find_package(ZLIB REQUIRED)
  find_package(civetweb CONFIG REQUIRED)
endif()

if(POLYMETER_WITH_OTLP)
  find_package(ZLIB REQUIRED)
  find_package(CURL REQUIRED)
  # Header-only, and no header of ours shows it: only its folder is needed. Conan's package has a
  # CMake file, Debian's has none.
  find_package(protozero CONFIG QUIET)
  if(TARGET protozero::protozero)
    set(PROTOZERO_INCLUDE_DIR
      "$<TARGET_PROPERTY:protozero::protozero,INTERFACE_INCLUDE_DIRECTORIES>")
  else()
    find_path(PROTOZERO_INCLUDE_DIR protozero/pbf_writer.hpp REQUIRED)
  endif()
endif()

if(POLYMETER_WITH_PROMETHEUS_CPP)
  find_package(prometheus-cpp CONFIG REQUIRED)
endif()

if(POLYMETER_BUILD_TESTS)
  find_package(GTest REQUIRED)
endif()

if(POLYMETER_BUILD_BENCHMARKS)
  find_package(benchmark CONFIG REQUIRED)
endif()

# Of the tools (POLYMETER_WITH_TOOLS, in integrations/).
find_package(simdjson QUIET)
find_package(nlohmann_json QUIET)
