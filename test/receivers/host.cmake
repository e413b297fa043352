# The adapter `host` beside Debian's node_exporter.
if(TARGET polymeter_host AND POLYMETER_WITH_PROMETHEUS)
  add_executable(polymeter_receivers_host_page host_page.cpp)
  polymeter_target_defaults(polymeter_receivers_host_page)
  target_link_libraries(polymeter_receivers_host_page PRIVATE polymeter::polymeter polymeter::host
    Threads::Threads)
  polymeter_test_timeout(timeout 120)
  add_test(NAME receivers_node_exporter COMMAND "${Python3_EXECUTABLE}"
    "${CMAKE_CURRENT_SOURCE_DIR}/judge_node_exporter.py"
    "$<TARGET_FILE:polymeter_receivers_host_page>"
    "${polymeter_SOURCE_DIR}/integrations/host/testdata")
  set_tests_properties(receivers_node_exporter PROPERTIES
    LABELS receivers TIMEOUT ${timeout} SKIP_RETURN_CODE 77
    ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1")
endif()
