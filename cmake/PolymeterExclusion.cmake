# One program takes the namespace `prometheus` from one library: from polymeter::prometheus_api or from
# prometheus-cpp. A target that gets both, by whatever way, does not configure, and the message names
# the two ways. Installed with the package; included where polymeter::prometheus_api comes into being.
#
# At the end of the top directory, when every target exists, the links between the targets are
# followed, those that a static or shared library keeps to itself as well. What stands in a condition
# (a generator expression) only CMake's own generator can evaluate: for that both libraries bear an
# interface property whose values do not agree. What CMake does not see (libraries given by hand,
# Makefiles) the linker refuses: see integrations/prometheus_cpp/dropin.

# Appends to `result` what the link properties of `target` name, without generator expressions.
function(_polymeter_links_of target result)
  set(links)
  set(names INTERFACE_LINK_LIBRARIES)
  get_target_property(imported ${target} IMPORTED)
  get_target_property(type ${target} TYPE)
  if(imported)
    list(APPEND names IMPORTED_LINK_INTERFACE_LIBRARIES IMPORTED_LINK_DEPENDENT_LIBRARIES)
    get_target_property(configurations ${target} IMPORTED_CONFIGURATIONS)
    foreach(configuration IN LISTS configurations)
      list(APPEND names IMPORTED_LINK_INTERFACE_LIBRARIES_${configuration}
        IMPORTED_LINK_DEPENDENT_LIBRARIES_${configuration})
    endforeach()
  elseif(NOT type STREQUAL "INTERFACE_LIBRARY")
    list(APPEND names LINK_LIBRARIES)
  endif()
  foreach(name IN LISTS names)
    get_target_property(value ${target} ${name})
    if(value)
      list(APPEND links "${value}")
    endif()
  endforeach()
  # Inner ones first, until none is left; a condition goes with what it guards.
  while(links MATCHES "\\$<")
    set(before "${links}")
    string(REGEX REPLACE
      "\\$<(LINK_ONLY|BUILD_INTERFACE|BUILD_LOCAL_INTERFACE|TARGET_NAME|TARGET_NAME_IF_EXISTS|1):([^<>$]*)>"
      "\\2" links "${links}")
    if(links STREQUAL before)
      string(REGEX REPLACE "\\$<[^<>$]*>" "" links "${links}")
    endif()
    if(links STREQUAL before)
      break()
    endif()
  endwhile()
  set(${result} ${links} PARENT_SCOPE)
endfunction()

# All targets of `directory` and of the directories below it.
function(_polymeter_targets_below directory result)
  get_property(targets DIRECTORY "${directory}" PROPERTY BUILDSYSTEM_TARGETS)
  get_property(folders DIRECTORY "${directory}" PROPERTY SUBDIRECTORIES)
  foreach(folder IN LISTS folders)
    _polymeter_targets_below("${folder}" below)
    list(APPEND targets ${below})
  endforeach()
  set(${result} ${targets} PARENT_SCOPE)
endfunction()

# Which of the two libraries `name` is: api, cpp, or empty.
function(_polymeter_prometheus_side name result)
  set(side "")
  if(name MATCHES "^polymeter(::|_)prometheus_api(_shared)?$" OR
     name MATCHES "(^-l|/lib)polymeter_prometheus_api(\\.(a|so[.0-9]*))?$")
    set(side api)
  elseif(name MATCHES "^prometheus-cpp::" OR
         name MATCHES "(^-l|/lib|^)prometheus-cpp-(core|pull|push)(\\.(a|so[.0-9]*))?$")
    set(side cpp)
  else()
    # Its own build calls its targets core, pull and push.
    foreach(part core pull push)
      if(TARGET prometheus-cpp::${part})
        get_target_property(aliased prometheus-cpp::${part} ALIASED_TARGET)
        if(aliased AND name STREQUAL aliased)
          set(side cpp)
        endif()
      endif()
    endforeach()
  endif()
  set(${result} "${side}" PARENT_SCOPE)
endfunction()

# Called by the deferred call below, when the targets of `directory` are complete.
function(polymeter_check_exclusion directory)
  get_property(imported DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" PROPERTY IMPORTED_TARGETS)
  foreach(target IN LISTS imported ITEMS prometheus-cpp::core prometheus-cpp::pull prometheus-cpp::push)
    if(TARGET ${target} AND target MATCHES "^prometheus-cpp::")
      get_target_property(aliased ${target} ALIASED_TARGET)
      if(aliased)
        set(target ${aliased})
      endif()
      set_property(TARGET ${target} PROPERTY INTERFACE_NAMESPACE_PROMETHEUS_COMES_FROM prometheus-cpp)
    endif()
  endforeach()

  # The links, backwards: user_of_<name> lists who links <name>. Each name is looked at once.
  _polymeter_targets_below("${directory}" built)
  set(waiting ${built})
  set(api)
  set(cpp)
  while(waiting)
    list(POP_FRONT waiting target)
    if(DEFINED "seen_${target}")
      continue()
    endif()
    set("seen_${target}" TRUE)
    _polymeter_prometheus_side("${target}" side)
    if(side)
      list(APPEND ${side} "${target}")
      continue()
    endif()
    if(TARGET "${target}")
      _polymeter_links_of("${target}" links)
      # A directory above may not see what was imported in this one.
      set_property(GLOBAL PROPERTY "_POLYMETER_LINKS_OF_${target}" "${links}")
    else()
      get_property(links GLOBAL PROPERTY "_POLYMETER_LINKS_OF_${target}")
    endif()
    foreach(link IN LISTS links)
      if(TARGET "${link}")
        get_target_property(aliased "${link}" ALIASED_TARGET)
        if(aliased)
          set(link "${aliased}")
        endif()
      endif()
      list(APPEND "user_of_${link}" "${target}")
      list(APPEND waiting "${link}")
    endforeach()
  endwhile()
  if(NOT api OR NOT cpp)
    return()
  endif()

  # From each library up to everybody who gets it; <side>_way_<name> is how.
  foreach(side api cpp)
    set(waiting)
    foreach(target IN LISTS ${side})
      set("${side}_way_${target}" "${target}")
      list(APPEND waiting "${target}")
    endforeach()
    while(waiting)
      list(POP_FRONT waiting target)
      foreach(user IN LISTS "user_of_${target}")
        if(NOT DEFINED "${side}_way_${user}")
          set("${side}_way_${user}" "${user} -> ${${side}_way_${target}}")
          list(APPEND waiting "${user}")
        endif()
      endforeach()
    endwhile()
  endforeach()
  foreach(target IN LISTS built)
    if(DEFINED "api_way_${target}" AND DEFINED "cpp_way_${target}")
      message(FATAL_ERROR
        "${target} gets both polymeter::prometheus_api and prometheus-cpp.\n"
        "Both define namespace prometheus, so one program can have only one of them. It gets them by\n"
        "  ${api_way_${target}}\n"
        "  ${cpp_way_${target}}\n"
        "Keep polymeter::prometheus_api and take prometheus-cpp out, or keep prometheus-cpp and link "
        "polymeter::prometheus_bridge, which sends its families to the same backends.")
    endif()
  endforeach()
endfunction()

# Each directory once; a package may be found in many.
function(_polymeter_defer_exclusion)
  if(CMAKE_SCRIPT_MODE_FILE)
    return()
  endif()
  foreach(directory "${CMAKE_CURRENT_SOURCE_DIR}" "${CMAKE_SOURCE_DIR}")
    get_property(deferred GLOBAL PROPERTY _POLYMETER_EXCLUSION_DEFERRED)
    if(NOT directory IN_LIST deferred)
      set_property(GLOBAL APPEND PROPERTY _POLYMETER_EXCLUSION_DEFERRED "${directory}")
      cmake_language(EVAL CODE
        "cmake_language(DEFER DIRECTORY [==[${directory}]==] CALL polymeter_check_exclusion [==[${directory}]==])")
    endif()
  endforeach()
endfunction()
_polymeter_defer_exclusion()

# polymeter_exclude_prometheus_cpp(<name> [FOLDER <dir>]): the library polymeter_<name>, whose sources
# are in the folder (the calling one), defines namespace prometheus itself. Not for users of the package.
function(polymeter_exclude_prometheus_cpp name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "FOLDER" "")
  if(NOT arg_FOLDER)
    set(arg_FOLDER "${CMAKE_CURRENT_SOURCE_DIR}")
  endif()
  # The linker's message tells the name of this file: it must not disappear in a unity build.
  set_source_files_properties(
    "${arg_FOLDER}/polymeter_prometheus_api_excludes_prometheus_cpp.cpp" PROPERTIES
    SKIP_UNITY_BUILD_INCLUSION ON)
  foreach(target polymeter_${name} polymeter_${name}_shared)
    if(TARGET ${target})
      set_property(TARGET ${target} APPEND PROPERTY
        COMPATIBLE_INTERFACE_STRING NAMESPACE_PROMETHEUS_COMES_FROM)
      set_property(TARGET ${target} PROPERTY
        INTERFACE_NAMESPACE_PROMETHEUS_COMES_FROM polymeter::prometheus_api)
    endif()
  endforeach()
endfunction()
