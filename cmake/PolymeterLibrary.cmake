# How a folder with sources becomes a library.
#
# Each folder makes a static library polymeter_<name> (position independent, hidden symbols).
# Static build: that is what is installed, as polymeter::<name>.
# Shared build (BUILD_SHARED_LIBS): the sdk and the backends together are one library,
# libpolymeter.so, so that a program and its plug-ins share one copy of the sdk's state and no internal
# symbol has to be exported; polymeter::sdk and polymeter::<backend> lead to it. An integration
# is a shared library of its own. Tests of internals link the static polymeter_<name>, tests of the public
# interface and everything else polymeter::<name>.

# Flags of our own sources only: libraries, tests, samples, benchmarks.
function(polymeter_target_defaults target)
  set_target_properties(${target} PROPERTIES
    CXX_EXTENSIONS OFF
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON
    POSITION_INDEPENDENT_CODE ON)
  target_compile_features(${target} PRIVATE cxx_std_20)
  target_include_directories(${target} PRIVATE "${polymeter_SOURCE_DIR}")
  # Neither debug information nor __FILE__ tells where this machine builds.
  if(POLYMETER_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    target_compile_options(${target} PRIVATE "-ffile-prefix-map=${polymeter_SOURCE_DIR}=.")
    string(FIND "${CMAKE_BINARY_DIR}/" "${polymeter_SOURCE_DIR}/" position)
    if(NOT position EQUAL 0)
      target_compile_options(${target} PRIVATE "-ffile-prefix-map=${CMAKE_BINARY_DIR}=.")
    endif()
  endif()
  if(POLYMETER_WARNINGS)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion)
    # GCC 12 is wrong about std::string's operator+ at -O3 (its bug 105651).
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
      target_compile_options(${target} PRIVATE -Wno-restrict)
    endif()
  endif()
  # The fuzzers of that build look where inputs lead (test/fuzz). In tests nobody looks, and they take
  # half as long again to compile.
  get_target_property(type ${target} TYPE)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_FLAGS MATCHES "-fsanitize=address" AND
     (NOT type STREQUAL "EXECUTABLE" OR target MATCHES "_fuzz$"))
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
  if(POLYMETER_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()

# Sources of the calling folder, without its tests.
function(polymeter_glob_sources result)
  file(GLOB sources CONFIGURE_DEPENDS ${ARGN})
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  set(${result} ${sources} PARENT_SCOPE)
endfunction()

# What every user of the library needs.
function(_polymeter_usage target scope)
  target_compile_features(${target} ${scope} cxx_std_17)
  # Code with inlined restartable sequences must stay mapped while a thread may be in one.
  target_link_options(${target} INTERFACE
    "$<$<IN_LIST:$<TARGET_PROPERTY:TYPE>,SHARED_LIBRARY;MODULE_LIBRARY>:-Wl,-z,nodelete>")
endfunction()

# polymeter_add_library(<name>
#   SOURCES <file>...
#   [LINK <our static target>...]      polymeter_sdk and so on
#   [PRIVATE_LINK <target>...]         third parties that no header shows
#   [PUBLIC_LINK <target>...]          third parties that a header shows
#   [INCLUDE <dir>]                    of public headers
#   [INCLUDE_AS <dir>]                 where they are installed below include/, for its users alone
#   [SEPARATE])                        a shared library of its own (integrations)
function(polymeter_add_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "SEPARATE" "INCLUDE;INCLUDE_AS"
    "SOURCES;LINK;PRIVATE_LINK;PUBLIC_LINK")
  set(target polymeter_${name})
  set(include_to "${CMAKE_INSTALL_INCLUDEDIR}")
  if(arg_INCLUDE_AS)
    string(APPEND include_to "/${arg_INCLUDE_AS}")
  endif()
  if(NOT arg_SOURCES)  # headers alone: glue to a third party that the application links itself
    set_property(GLOBAL APPEND PROPERTY POLYMETER_GLUE ${name})
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE ${arg_LINK} ${arg_PUBLIC_LINK} ${arg_PRIVATE_LINK})
    set(scope INTERFACE)
  else()
    add_library(${target} STATIC ${arg_SOURCES})
    polymeter_target_defaults(${target})
    # So that a program that is linked with --gc-sections holds no more than it uses.
    target_compile_options(${target} PRIVATE -ffunction-sections -fdata-sections)
    target_link_libraries(${target} PUBLIC ${arg_LINK} ${arg_PUBLIC_LINK} PRIVATE ${arg_PRIVATE_LINK})
    set(scope PUBLIC)
  endif()
  _polymeter_usage(${target} ${scope})
  if(arg_INCLUDE)
    target_include_directories(${target} ${scope}
      "$<BUILD_INTERFACE:${arg_INCLUDE}>" "$<INSTALL_INTERFACE:${include_to}>")
    set_property(GLOBAL APPEND PROPERTY POLYMETER_PUBLIC_HEADERS "${arg_INCLUDE}")
    set_property(GLOBAL PROPERTY "POLYMETER_PUBLIC_HEADERS_OF_${arg_INCLUDE}" "${include_to}")
  endif()
  if(POLYMETER_NO_RSEQ)
    target_compile_definitions(${target} ${scope} "$<BUILD_INTERFACE:POLYMETER_NO_RSEQ>")
  endif()
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})

  if(NOT BUILD_SHARED_LIBS)
    target_compile_definitions(${target} ${scope} POLYMETER_STATIC)
    add_library(polymeter::${name} ALIAS ${target})
    set_property(GLOBAL APPEND PROPERTY POLYMETER_INSTALLED ${target})
  elseif(arg_SEPARATE)
    polymeter_add_shared_library(${name} OBJECTS_OF ${target}
      PRIVATE_LINK ${arg_PRIVATE_LINK} PUBLIC_LINK polymeter_polymeter ${arg_PUBLIC_LINK})
    if(arg_INCLUDE AND TARGET polymeter_${name}_shared)
      target_include_directories(polymeter_${name}_shared INTERFACE
        "$<BUILD_INTERFACE:${arg_INCLUDE}>" "$<INSTALL_INTERFACE:${include_to}>")
    endif()
  else()
    # Part of libpolymeter.so; this name leads there.
    set_property(GLOBAL APPEND PROPERTY POLYMETER_PARTS ${target})
    set_property(GLOBAL APPEND PROPERTY POLYMETER_PARTS_LINK ${arg_PRIVATE_LINK} ${arg_PUBLIC_LINK})
    if(arg_INCLUDE)
      set_property(GLOBAL APPEND PROPERTY POLYMETER_PARTS_INCLUDE "${arg_INCLUDE}")
    endif()
    add_library(polymeter_${name}_shared INTERFACE)
    target_link_libraries(polymeter_${name}_shared INTERFACE polymeter_polymeter)
    set_target_properties(polymeter_${name}_shared PROPERTIES EXPORT_NAME ${name})
    add_library(polymeter::${name} ALIAS polymeter_${name}_shared)
    set_property(GLOBAL APPEND PROPERTY POLYMETER_INSTALLED polymeter_${name}_shared)
  endif()
endfunction()

# A shared library of the objects of static ones.
function(polymeter_add_shared_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TARGET;OUTPUT" "OBJECTS_OF;PRIVATE_LINK;PUBLIC_LINK;INCLUDE")
  set(target polymeter_${name}_shared)
  set(output polymeter_${name})
  if(arg_TARGET)
    set(target ${arg_TARGET})
  endif()
  if(arg_OUTPUT)
    set(output ${arg_OUTPUT})
  endif()
  set(objects)
  foreach(part IN LISTS arg_OBJECTS_OF)
    get_target_property(type ${part} TYPE)
    if(NOT type STREQUAL "INTERFACE_LIBRARY")
      list(APPEND objects "$<TARGET_OBJECTS:${part}>")
    endif()
  endforeach()
  if(NOT objects)
    message(WARNING "polymeter::${name} has no sources")
    return()
  endif()
  add_library(${target} SHARED ${objects})
  polymeter_target_defaults(${target})
  _polymeter_usage(${target} INTERFACE)
  target_link_libraries(${target} PUBLIC ${arg_PUBLIC_LINK} PRIVATE ${arg_PRIVATE_LINK})
  foreach(dir IN LISTS arg_INCLUDE)
    target_include_directories(${target} INTERFACE "$<BUILD_INTERFACE:${dir}>")
  endforeach()
  target_include_directories(${target} INTERFACE "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
  if(POLYMETER_NO_RSEQ)
    target_compile_definitions(${target} INTERFACE "$<BUILD_INTERFACE:POLYMETER_NO_RSEQ>")
  endif()
  # Stays mapped: its threads, fork handlers and cells outlive a dlclose. An undefined symbol is an
  # error here and not at the user's.
  target_link_options(${target} PRIVATE -Wl,-z,nodelete)
  if(NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
    target_link_options(${target} PRIVATE -Wl,-z,defs)
  endif()
  # The ABI may change with each minor version until 1.0.
  set_target_properties(${target} PROPERTIES
    LINKER_LANGUAGE CXX
    OUTPUT_NAME ${output}
    EXPORT_NAME ${name}
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  add_library(polymeter::${name} ALIAS ${target})
  set_property(GLOBAL APPEND PROPERTY POLYMETER_INSTALLED ${target})
endfunction()

# polymeter::polymeter: everything that the options kept, with the table of backends. Adapters that
# show a third party's types (glue) are targets of their own.
function(polymeter_add_everything)
  if(NOT BUILD_SHARED_LIBS)
    get_property(adapters GLOBAL PROPERTY POLYMETER_ADAPTERS)
    list(TRANSFORM adapters PREPEND polymeter_)
    add_library(polymeter_polymeter INTERFACE)
    target_link_libraries(polymeter_polymeter INTERFACE ${adapters} polymeter_exporters)
    set_target_properties(polymeter_polymeter PROPERTIES EXPORT_NAME polymeter)
    add_library(polymeter::polymeter ALIAS polymeter_polymeter)
    set_property(GLOBAL APPEND PROPERTY POLYMETER_INSTALLED polymeter_polymeter)
    return()
  endif()
  get_property(parts GLOBAL PROPERTY POLYMETER_PARTS)
  get_property(links GLOBAL PROPERTY POLYMETER_PARTS_LINK)
  get_property(includes GLOBAL PROPERTY POLYMETER_PARTS_INCLUDE)
  list(REMOVE_DUPLICATES links)
  polymeter_add_shared_library(polymeter TARGET polymeter_polymeter OUTPUT polymeter
    OBJECTS_OF ${parts} PRIVATE_LINK ${links} INCLUDE ${includes})
endfunction()
