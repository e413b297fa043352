# How tests are declared.
include(GoogleTest)

# A build with ThreadSanitizer leaves out the tests of what has one thread.
set(POLYMETER_TESTS_OF_THREADS_ONLY OFF)
if(CMAKE_CXX_FLAGS MATCHES "-fsanitize=thread")
  set(POLYMETER_TESTS_OF_THREADS_ONLY ON)
endif()

# polymeter_add_test(<name> SOURCES <file>... LIBS <target>...
#   [TIMEOUT <seconds>]     of one ctest entry, 60 by default; four times that under a sanitizer
#   [LABELS <label>...] [ENVIRONMENT <NAME=value>...] [ARGS <arg>...]
#   [DEFINES <NAME=value>...]
#   [WHOLE]                 one ctest entry for the program, not one for each test: for suites
#                           whose set-up is dear
#   [SANITIZED_SHARDS <n>]  so many entries under a sanitizer: for many short tests over the same dear
#                           set-up, which there takes longer than they do
#   [SERIAL]                nothing else runs beside it: for tests that measure time
#   [NO_MAIN])              the sources bring main(); otherwise GoogleMock's is linked
#
# Makes the executable <name>. Link polymeter_<library> for tests of internals, or
# polymeter::<library> for tests of the public interface, never both: in a shared build that would
# be two copies of the sdk.
function(polymeter_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "WHOLE;SERIAL;NO_MAIN" "TIMEOUT;SANITIZED_SHARDS"
    "SOURCES;LIBS;LABELS;ENVIRONMENT;ARGS;DEFINES")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "polymeter_add_test(${name}): unknown ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT arg_SOURCES)
    message(FATAL_ERROR "polymeter_add_test(${name}): no SOURCES")
  endif()
  if(BUILD_SHARED_LIBS)
    set(internal ${arg_LIBS})
    set(public ${arg_LIBS})
    list(FILTER internal INCLUDE REGEX "^polymeter_")
    list(REMOVE_ITEM internal polymeter_polymeter)
    list(FILTER public INCLUDE REGEX "^polymeter(::|_polymeter$)")
    if(internal AND public)
      message(FATAL_ERROR "polymeter_add_test(${name}): ${public} and ${internal} in one program")
    endif()
  endif()

  add_executable(${name} ${arg_SOURCES})
  polymeter_target_defaults(${name})
  target_link_libraries(${name} PRIVATE ${arg_LIBS} GTest::gmock Threads::Threads)
  if(NOT arg_NO_MAIN)
    target_link_libraries(${name} PRIVATE GTest::gmock_main)
  endif()
  # Two thirds of a build's time is tests, and optimised they take twice as long to compile. What they
  # test is optimised; they are only where they record in loops themselves.
  if(NOT CMAKE_BUILD_TYPE STREQUAL "Release")
    set(level -O0)
    if(arg_LABELS MATCHES "concurrency|lifetimes")
      set(level -O1)
    endif()
    target_compile_options(${name} PRIVATE ${level} -g1)
  endif()
  if(POLYMETER_UNITY_TESTS)
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 12)
  endif()
  target_compile_definitions(${name} PRIVATE
    ${arg_DEFINES} POLYMETER_SOURCE_DIR="${polymeter_SOURCE_DIR}")

  # `--target polymeter_tests_<label>` builds the programs of a label.
  foreach(label IN LISTS arg_LABELS)
    if(NOT TARGET polymeter_tests_${label})
      add_custom_target(polymeter_tests_${label})
    endif()
    add_dependencies(polymeter_tests_${label} ${name})
  endforeach()

  set(timeout 60)
  if(arg_TIMEOUT)
    set(timeout ${arg_TIMEOUT})
  endif()
  polymeter_test_timeout(timeout ${timeout})
  set(properties TIMEOUT ${timeout})
  if(arg_LABELS)
    list(APPEND properties LABELS "${arg_LABELS}")
  endif()
  if(arg_ENVIRONMENT)
    list(APPEND properties ENVIRONMENT "${arg_ENVIRONMENT}")
  endif()
  if(arg_SERIAL)
    list(APPEND properties RUN_SERIAL TRUE)
  endif()
  if(arg_WHOLE)
    add_test(NAME ${name} COMMAND ${name} ${arg_ARGS})
    set_tests_properties(${name} PROPERTIES ${properties})
  elseif(arg_SANITIZED_SHARDS AND CMAKE_CXX_FLAGS MATCHES "-fsanitize")
    math(EXPR last "${arg_SANITIZED_SHARDS} - 1")
    foreach(shard RANGE ${last})
      add_test(NAME ${name}_${shard} COMMAND ${CMAKE_COMMAND} -E env
        GTEST_TOTAL_SHARDS=${arg_SANITIZED_SHARDS} GTEST_SHARD_INDEX=${shard}
        "$<TARGET_FILE:${name}>" ${arg_ARGS})
      set_tests_properties(${name}_${shard} PROPERTIES ${properties}
        SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\]" COST 100)
    endforeach()
  else()
    gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60 NO_PRETTY_VALUES
      EXTRA_ARGS ${arg_ARGS} PROPERTIES ${properties})
  endif()
endfunction()

# polymeter_test_needs(<package>): called where a library was not found and its tests are left out. Seen,
# and where nobody looks (CI=true) an error.
function(polymeter_test_needs package)
  if("$ENV{CI}" STREQUAL "true")
    message(SEND_ERROR "tests of ${CMAKE_CURRENT_SOURCE_DIR} need ${package}")
  else()
    message(STATUS "tests of ${CMAKE_CURRENT_SOURCE_DIR} are left out: no ${package}")
  endif()
endfunction()

# Sanitizers slow a program down; a timeout must not.
function(polymeter_test_timeout result seconds)
  if(CMAKE_CXX_FLAGS MATCHES "-fsanitize")
    math(EXPR seconds "${seconds} * 4")
  endif()
  set(${result} ${seconds} PARENT_SCOPE)
endfunction()

# polymeter_add_unit_tests(<library> [DIRS <dir>...] [EXCLUDE <regex>] LIBS <target>...): the *_test.cpp beside the
# sources, as one program polymeter_<library>_test.
function(polymeter_add_unit_tests library)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DIRS;LIBS;EXCLUDE")
  # The threads of these backends are those of exporters/common, which the conformance suite runs.
  if(POLYMETER_TESTS_OF_THREADS_ONLY AND library MATCHES "^(csv|json|otlp|pushgateway|statsd)$")
    return()
  endif()
  if(NOT arg_DIRS)
    set(arg_DIRS .)
  endif()
  list(TRANSFORM arg_DIRS APPEND "/*_test.cpp" OUTPUT_VARIABLE patterns)
  file(GLOB sources CONFIGURE_DEPENDS ${patterns})
  if(arg_EXCLUDE)  # beginnings of names, as a regular expression
    list(FILTER sources EXCLUDE REGEX "/(${arg_EXCLUDE})[^/]*$")
  endif()
  if(sources)
    polymeter_add_test(polymeter_${library}_test SOURCES ${sources} LIBS ${arg_LIBS})
  endif()
endfunction()
