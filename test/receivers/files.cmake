# Files of snapshots, read by Python's json and csv and by jq. Included by CMakeLists.txt.
add_executable(polymeter_receivers_files files_writer.cpp)
polymeter_target_defaults(polymeter_receivers_files)
target_link_libraries(polymeter_receivers_files PRIVATE polymeter_receivers_corpus polymeter_exporters)

# polymeter_add_files_judge(<name> <script> [<argument>...])
function(polymeter_add_files_judge name script)
  polymeter_test_timeout(timeout 180)
  add_test(NAME receivers_${name} COMMAND "${Python3_EXECUTABLE}"
    "${CMAKE_CURRENT_SOURCE_DIR}/${script}" "$<TARGET_FILE:polymeter_receivers_files>" ${ARGN})
  set_tests_properties(receivers_${name} PROPERTIES
    LABELS receivers TIMEOUT ${timeout} SKIP_RETURN_CODE 77
    ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1;LSAN_OPTIONS=suppressions=${CMAKE_CURRENT_SOURCE_DIR}/glibc_leaks.supp:print_suppressions=0")
endfunction()

polymeter_add_files_judge(files judge_files.py)
polymeter_add_files_judge(files_jq judge_files.py jq)
polymeter_add_files_judge(files_judge judge_files_test.py)
polymeter_add_files_judge(files_killed judge_files_killed.py)
