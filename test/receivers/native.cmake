# Exponential buckets and exemplars over protobuf, judged by a Prometheus server.
if(TARGET polymeter_http)
  add_executable(polymeter_receivers_native native_page.cpp native_recorder.cpp)
  polymeter_target_defaults(polymeter_receivers_native)
  target_link_libraries(polymeter_receivers_native
    PRIVATE polymeter::polymeter polymeter::http Threads::Threads)
  polymeter_test_timeout(timeout 120)
  add_test(NAME receivers_native COMMAND "${Python3_EXECUTABLE}"
    "${CMAKE_CURRENT_SOURCE_DIR}/judge_native.py" "$<TARGET_FILE:polymeter_receivers_native>")
  set_tests_properties(receivers_native PROPERTIES
    LABELS receivers TIMEOUT ${timeout} SKIP_RETURN_CODE 77
    ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1")
endif()
