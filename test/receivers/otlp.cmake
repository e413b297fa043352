# OTLP, read by decoders and by the Collector, which share no code with us.
add_executable(polymeter_receivers_otlp otlp_send.cpp native_source.cpp)
polymeter_target_defaults(polymeter_receivers_otlp)
target_link_libraries(polymeter_receivers_otlp PRIVATE polymeter_receivers_corpus polymeter_exporters)

foreach(judge otlp_decode otlp_tls collector collector_docs)
  polymeter_test_timeout(timeout 180)
  add_test(NAME receivers_${judge} COMMAND "${Python3_EXECUTABLE}"
    "${CMAKE_CURRENT_SOURCE_DIR}/judge_${judge}.py" "$<TARGET_FILE:polymeter_receivers_otlp>"
    "${polymeter_SOURCE_DIR}/docs/otlp.md")
  set_tests_properties(receivers_${judge} PROPERTIES
    LABELS receivers TIMEOUT ${timeout} SKIP_RETURN_CODE 77
    ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1")
endforeach()

polymeter_test_timeout(timeout 120)
add_test(NAME receivers_otlp_truth COMMAND "${Python3_EXECUTABLE}"
  "${CMAKE_CURRENT_SOURCE_DIR}/otlp_truth_test.py" "$<TARGET_FILE:polymeter_receivers_otlp>")
set_tests_properties(receivers_otlp_truth PROPERTIES
  LABELS receivers TIMEOUT ${timeout} ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1")
