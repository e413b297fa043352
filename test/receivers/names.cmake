# UTF-8 names in every escaping scheme, and exemplars. Included by CMakeLists.txt.
add_executable(polymeter_receivers_names names_page.cpp)
polymeter_target_defaults(polymeter_receivers_names)
target_link_libraries(polymeter_receivers_names PRIVATE polymeter_exporters polymeter_sdk)

polymeter_test_timeout(timeout 120)
set(python_of_parsers_debian /usr/bin/python3)
set(python_of_parsers_new "${Python3_EXECUTABLE}")
foreach(judge IN ITEMS parsers_debian parsers_new server)
  set(python "${Python3_EXECUTABLE}")
  if(python_of_${judge})
    set(python "${python_of_${judge}}")
  endif()
  add_test(NAME receivers_names_${judge} COMMAND "${python}"
    "${CMAKE_CURRENT_SOURCE_DIR}/judge_names.py" "$<TARGET_FILE:polymeter_receivers_names>"
    ${judge})
  set_tests_properties(receivers_names_${judge} PROPERTIES
    LABELS receivers TIMEOUT ${timeout} SKIP_RETURN_CODE 77
    ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1")
endforeach()
