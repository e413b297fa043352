# Third-party packages. The names are the same in Debian's and ConanCenter's packages.
find_package(Threads REQUIRED)

if(POLYMETER_WITH_PROMETHEUS)
  find_package(ZLIB REQUIRED)
  find_package(civetweb CONFIG REQUIRED)
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
