# StatsD, read back from receivers that share no code with us. Included by CMakeLists.txt.
add_executable(polymeter_receivers_statsd statsd_send.cpp)
polymeter_target_defaults(polymeter_receivers_statsd)
target_link_libraries(polymeter_receivers_statsd PRIVATE polymeter_receivers_corpus polymeter_statsd)

# build/tools is where install_statsd.sh and build_statsd_exporter.sh put the receivers.
foreach(judge statsd statsd_exporter statsd_docs)
  polymeter_test_timeout(timeout 180)
  add_test(NAME receivers_${judge} COMMAND "${Python3_EXECUTABLE}"
    "${CMAKE_CURRENT_SOURCE_DIR}/judge_${judge}.py" "$<TARGET_FILE:polymeter_receivers_statsd>"
    "${polymeter_SOURCE_DIR}/build/tools" "${polymeter_SOURCE_DIR}/docs/statsd.md")
  set_tests_properties(receivers_${judge} PROPERTIES
    LABELS receivers TIMEOUT ${timeout} SKIP_RETURN_CODE 77
    ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1")
endforeach()
