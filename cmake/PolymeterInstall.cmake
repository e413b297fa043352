# What `cmake --install` puts where: libraries, headers, the CMake package and the .pc files. Nothing
# installed names a path of this machine, so the tree can be moved.
include(CMakePackageConfigHelpers)

set(POLYMETER_CMAKE_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/polymeter")

get_property(headers GLOBAL PROPERTY POLYMETER_PUBLIC_HEADERS)
foreach(dir IN LISTS headers)
  if(IS_DIRECTORY "${dir}")
    get_property(include_to GLOBAL PROPERTY "POLYMETER_PUBLIC_HEADERS_OF_${dir}")
    install(DIRECTORY "${dir}/" DESTINATION "${include_to}"
      FILES_MATCHING PATTERN "*.h")
  endif()
endforeach()

# One export set for each choice of dependencies, so that a user of the sdk alone needs no civetweb and only a
# user of the bridge needs prometheus-cpp, and only one of the tools' adapters simdjson. In a shared build sdk,
# backends and adapters are one library.
get_property(targets GLOBAL PROPERTY POLYMETER_INSTALLED)
add_custom_target(polymeter_installed)  # what an installation needs, and no more
add_dependencies(polymeter_installed ${targets})
set(archives)
foreach(target IN LISTS targets)
  if(target MATCHES "^polymeter_prometheus_bridge(_shared)?$")
    set(part prometheus_bridge)
  elseif(target MATCHES "^polymeter_prometheus_api(_shared)?$")
    set(part prometheus_api)
  elseif(target MATCHES "^polymeter_(build|lsp|docgen)(_shared)?$")
    set(part tools)
  elseif(target STREQUAL "polymeter_sdk")
    set(part sdk)
  else()
    set(part polymeter)
  endif()
  install(TARGETS ${target} EXPORT polymeter-${part}-targets
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
  get_target_property(type ${target} TYPE)
  if(type STREQUAL "SHARED_LIBRARY")
    set_target_properties(${target} PROPERTIES INSTALL_RPATH "$ORIGIN")
  elseif(type STREQUAL "STATIC_LIBRARY" AND part MATCHES "^(sdk|polymeter)$")
    list(PREPEND archives "-l${target}")  # users come before what they use
  endif()
  list(APPEND parts ${part})
endforeach()
list(REMOVE_DUPLICATES parts)
foreach(part IN LISTS parts)
  install(EXPORT polymeter-${part}-targets NAMESPACE polymeter::
    DESTINATION "${POLYMETER_CMAKE_DIR}")
endforeach()

# --- the CMake package ---
get_property(backends GLOBAL PROPERTY POLYMETER_BACKENDS)
get_property(POLYMETER_ALL_BACKENDS GLOBAL PROPERTY POLYMETER_ALL_BACKENDS)
get_property(adapters GLOBAL PROPERTY POLYMETER_ADAPTERS)
get_property(POLYMETER_ALL_ADAPTERS GLOBAL PROPERTY POLYMETER_ALL_ADAPTERS)
get_property(glue GLOBAL PROPERTY POLYMETER_GLUE)
get_property(tools GLOBAL PROPERTY POLYMETER_TOOLS)
get_property(POLYMETER_ALL_TOOLS GLOBAL PROPERTY POLYMETER_ALL_TOOLS)
set(POLYMETER_COMPONENTS sdk polymeter ${backends} ${adapters} ${glue} ${tools})
if(POLYMETER_WITH_PROMETHEUS_CPP)
  list(APPEND POLYMETER_COMPONENTS prometheus_bridge)
endif()
if(POLYMETER_WITH_PROMETHEUS_API)
  list(APPEND POLYMETER_COMPONENTS prometheus_api)
  install(FILES cmake/PolymeterExclusion.cmake DESTINATION "${POLYMETER_CMAKE_DIR}")
endif()
if(tools)
  list(APPEND POLYMETER_COMPONENTS tools)
endif()
if(TARGET polymeter_cli)
  install(TARGETS polymeter_cli RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
  add_dependencies(polymeter_installed polymeter_cli)
endif()
set(POLYMETER_SHARED OFF)
if(BUILD_SHARED_LIBS)
  set(POLYMETER_SHARED ON)
endif()
configure_package_config_file(cmake/polymeter-config.cmake.in polymeter-config.cmake
  INSTALL_DESTINATION "${POLYMETER_CMAKE_DIR}" NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
# The API may change with each minor version until 1.0.
write_basic_package_version_file(polymeter-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  "${CMAKE_CURRENT_BINARY_DIR}/polymeter-config.cmake"
  "${CMAKE_CURRENT_BINARY_DIR}/polymeter-config-version.cmake"
  DESTINATION "${POLYMETER_CMAKE_DIR}")

# --- pkg-config ---
# The prefix as seen from the folder of the .pc files.
file(RELATIVE_PATH POLYMETER_PC_PREFIX
  "/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/prefix")
string(REGEX REPLACE "/$" "" POLYMETER_PC_PREFIX "${POLYMETER_PC_PREFIX}")
if(BUILD_SHARED_LIBS)
  set(POLYMETER_PC_LIBS "-lpolymeter")
  set(POLYMETER_PC_LIBS_PRIVATE "")
  set(POLYMETER_PC_CFLAGS "")
else()
  list(JOIN archives " " POLYMETER_PC_LIBS)
  set(POLYMETER_PC_LIBS_PRIVATE "-pthread")
  if(POLYMETER_WITH_PROMETHEUS OR POLYMETER_WITH_OTLP OR POLYMETER_WITH_PUSHGATEWAY)
    string(PREPEND POLYMETER_PC_LIBS_PRIVATE "-lz ")
  endif()
  if(POLYMETER_WITH_OTLP OR POLYMETER_WITH_PUSHGATEWAY)
    string(PREPEND POLYMETER_PC_LIBS_PRIVATE "-lcurl ")
  endif()
  if(POLYMETER_WITH_TLS)
    string(PREPEND POLYMETER_PC_LIBS_PRIVATE "-lssl -lcrypto ")
  endif()
  if(POLYMETER_WITH_WEB_CONFIG)
    string(PREPEND POLYMETER_PC_LIBS_PRIVATE "-lyaml-cpp -lcrypt ")
  endif()
  if(POLYMETER_WITH_PROMETHEUS)
    string(PREPEND POLYMETER_PC_LIBS_PRIVATE "-lcivetweb ")
  endif()
  if(POLYMETER_WITH_TLS)
    string(PREPEND POLYMETER_PC_LIBS_PRIVATE "-lssl -lcrypto ")
  endif()
  if(POLYMETER_WITH_WEB_CONFIG)
    string(PREPEND POLYMETER_PC_LIBS_PRIVATE "-lyaml-cpp -lcrypt ")
  endif()
  set(POLYMETER_PC_CFLAGS " -DPOLYMETER_STATIC")
endif()
set(pc_files polymeter)
if(POLYMETER_WITH_PROMETHEUS_CPP)
  list(APPEND pc_files polymeter-prometheus-bridge)
endif()
if(POLYMETER_WITH_PROMETHEUS_API)
  list(APPEND pc_files polymeter-prometheus-api)
  set(POLYMETER_PC_API_LIBS_PRIVATE "")
  get_target_property(links polymeter_prometheus_api LINK_LIBRARIES)
  if(NOT BUILD_SHARED_LIBS AND links MATCHES "civetweb::civetweb-cpp")
    set(POLYMETER_PC_API_LIBS_PRIVATE "-lcivetweb-cpp")
  endif()
endif()
foreach(pc IN LISTS pc_files)
  configure_file(cmake/${pc}.pc.in ${pc}.pc @ONLY)
  install(FILES "${CMAKE_CURRENT_BINARY_DIR}/${pc}.pc"
    DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endforeach()

install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DOCDIR}")
