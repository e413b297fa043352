# The server's TLS and logins, judged by curl and a Prometheus server.
add_executable(polymeter_receivers_secured secured.cpp)
polymeter_target_defaults(polymeter_receivers_secured)
target_link_libraries(polymeter_receivers_secured PRIVATE polymeter::polymeter)

polymeter_test_timeout(timeout 180)
add_test(NAME receivers_security COMMAND "${Python3_EXECUTABLE}"
  "${CMAKE_CURRENT_SOURCE_DIR}/judge_security.py" "$<TARGET_FILE:polymeter_receivers_secured>"
  "${polymeter_SOURCE_DIR}/docs/server-security.md")
set_tests_properties(receivers_security PROPERTIES
  LABELS receivers TIMEOUT ${timeout} SKIP_RETURN_CODE 77
  ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1")
