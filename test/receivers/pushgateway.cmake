# The Pushgateway, read back from its page and its API. Included by CMakeLists.txt.
add_executable(polymeter_receivers_pushgateway pushgateway_send.cpp)
polymeter_target_defaults(polymeter_receivers_pushgateway)
target_link_libraries(polymeter_receivers_pushgateway
  PRIVATE polymeter_receivers_corpus polymeter_exporters)

polymeter_test_timeout(timeout 180)
add_test(NAME receivers_pushgateway COMMAND "${Python3_EXECUTABLE}"
  "${CMAKE_CURRENT_SOURCE_DIR}/judge_pushgateway.py"
  "$<TARGET_FILE:polymeter_receivers_pushgateway>")
set_tests_properties(receivers_pushgateway PROPERTIES
  LABELS receivers TIMEOUT ${timeout} SKIP_RETURN_CODE 77
  ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1")

# One program of prometheus-cpp's Gateway, built with the original and with the drop-in.
if(TARGET polymeter_prometheus_api AND TARGET prometheus-cpp::push)
  foreach(library IN ITEMS original dropin)
    add_executable(polymeter_receivers_gateway_${library} gateway_job.cpp)
    polymeter_target_defaults(polymeter_receivers_gateway_${library})
  endforeach()
  target_link_libraries(polymeter_receivers_gateway_original
    PRIVATE prometheus-cpp::push Threads::Threads)
  target_link_libraries(polymeter_receivers_gateway_dropin
    PRIVATE polymeter::prometheus_api Threads::Threads)
  polymeter_test_timeout(timeout 120)
  add_test(NAME receivers_gateway COMMAND "${Python3_EXECUTABLE}"
    "${CMAKE_CURRENT_SOURCE_DIR}/judge_gateway.py"
    "$<TARGET_FILE:polymeter_receivers_gateway_original>"
    "$<TARGET_FILE:polymeter_receivers_gateway_dropin>")
  set_tests_properties(receivers_gateway PROPERTIES
    LABELS receivers TIMEOUT ${timeout} SKIP_RETURN_CODE 77
    ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1")
endif()
