# Third-party packages. The names are the same in Debian's and ConanCenter's packages.
find_package(Threads REQUIRED)

if(POLYMETER_WITH_PROMETHEUS)
  find_package(ZLIB REQUIRED)
  find_package(civetweb CONFIG REQUIRED)

  # TLS of the server. On where it can be had; asked for, it must be.
  find_package(OpenSSL 1.1.1 QUIET)
  option(POLYMETER_WITH_TLS "TLS of the metrics server (needs OpenSSL >= 1.1.1)" ${OPENSSL_FOUND})
  if(POLYMETER_WITH_TLS)
    find_package(OpenSSL 1.1.1 REQUIRED)
  endif()

  # Users with passwords, and Prometheus' web configuration file, which lists them. bcrypt is in the
  # system's libcrypt.
  find_package(yaml-cpp CONFIG QUIET)
  find_package(libxcrypt CONFIG QUIET)  # Conan's package; else the system's
  find_path(POLYMETER_CRYPT_INCLUDE_DIR crypt.h)
  find_library(POLYMETER_CRYPT_LIBRARY crypt)
  mark_as_advanced(POLYMETER_CRYPT_INCLUDE_DIR POLYMETER_CRYPT_LIBRARY)
  set(have_web_config OFF)
  if(yaml-cpp_FOUND AND (libxcrypt_FOUND OR
      (POLYMETER_CRYPT_INCLUDE_DIR AND POLYMETER_CRYPT_LIBRARY)))
    set(have_web_config ON)
  endif()
  option(POLYMETER_WITH_WEB_CONFIG
    "Prometheus' web configuration file for the metrics server (needs yaml-cpp and libcrypt)"
    ${have_web_config})
  if(POLYMETER_WITH_WEB_CONFIG)
    if(NOT have_web_config)
      message(FATAL_ERROR "POLYMETER_WITH_WEB_CONFIG=ON needs yaml-cpp and libcrypt "
        "(Debian: libyaml-cpp-dev libcrypt-dev).")
    endif()
    # The target's name differs between the releases of yaml-cpp.
    if(TARGET yaml-cpp::yaml-cpp)
      set(POLYMETER_YAML_CPP yaml-cpp::yaml-cpp)
    else()
      set(POLYMETER_YAML_CPP yaml-cpp)
    endif()
    if(TARGET libxcrypt::libxcrypt)
      set(POLYMETER_LIBCRYPT libxcrypt::libxcrypt)
    else()
      set(POLYMETER_LIBCRYPT crypt)
    endif()
  endif()
else()
  set(POLYMETER_WITH_TLS OFF)
  set(POLYMETER_WITH_WEB_CONFIG OFF)
endif()

if(POLYMETER_WITH_OTLP OR POLYMETER_WITH_PUSHGATEWAY)
  find_package(ZLIB REQUIRED)
  find_package(CURL REQUIRED)
endif()

if(POLYMETER_WITH_OTLP OR POLYMETER_WITH_PROMETHEUS)
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
