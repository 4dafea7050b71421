# Helpers for tests, usable in every folder under tests/:
#
#   pannier_add_test(NAME SOURCES file... [LIBS target...] [LABELS label...] [TIMEOUT seconds])
#     A GoogleTest executable NAME (bin/tests/NAME) with gtest_main and gmock; each TEST becomes a
#     ctest test `NAME.Suite.test`, with sanitizers the whole of them one. TIMEOUT counts for each of the former; 120
#     unless given.
#
#   pannier_add_test_library(NAME SOURCES file... [LIBS target...])
#     What several tests share, compiled once; a test names it among its LIBS.
#
#   pannier_add_fuzzer(NAME SOURCES file... [LIBS target...] [CORPUS directory])
#     The sources define LLVMFuzzerTestOneInput. With PANNIER_FUZZ (preset `fuzz`) it is a libFuzzer
#     binary, bin/fuzz/NAME, beside a file NAME.corpus that names its corpus directory. Otherwise it is
#     a program that replays every file of the corpus directory once, run by ctest as `NAME.replay`.
#
#   pannier_add_benchmark(NAME SOURCES file... [LIBS target...])
#     A program bin/bench/NAME with a main of its own. The target `benchmarks` builds all of them, and nothing else
#     does: they would be a sixth of all that `./dev test` compiles.
include_guard(GLOBAL)

# pannier_compile_as_tests(TARGET): with the headers of pannier_test_headers, and in groups.
function(pannier_compile_as_tests target)
  target_compile_options(${target} PRIVATE ${pannier_test_options})
  # For their definitions too, which have to be those that the headers were precompiled with.
  target_link_libraries(${target} PRIVATE GTest::gmock pannier::msgpack)
  target_precompile_headers(${target} REUSE_FROM pannier_test_headers)
  pannier_compile_together(${target} 8)
  get_target_property(type ${target} TYPE)
  if(NOT type STREQUAL EXECUTABLE)
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(${target} PRIVATE -fPIE)
  endif()
endfunction()

if(PANNIER_FUZZ)
  add_custom_target(fuzzers)
elseif(PANNIER_TESTS)
  add_custom_target(benchmarks)
  add_library(pannier_fuzz_replay STATIC EXCLUDE_FROM_ALL "${PROJECT_SOURCE_DIR}/cmake/fuzz_replay.cc")
  find_package(GTest REQUIRED)
  find_package(Threads REQUIRED)
  include(GoogleTest)
  # What tests include, parsed once: half of what they take to compile. A program, because headers are precompiled for
  # code of one kind, and that of libraries differs.
  add_executable(pannier_test_headers EXCLUDE_FROM_ALL "${PROJECT_SOURCE_DIR}/cmake/headers_only.cc")
  # Tests take longer to compile than to run; what they test is optimized nevertheless.
  set(pannier_test_options "$<IF:$<CONFIG:Sanitize>,-O0,$<$<CONFIG:RelWithDebInfo>:-O1>>")
  target_compile_options(pannier_test_headers PRIVATE ${pannier_test_options})
  target_link_libraries(pannier_test_headers PRIVATE GTest::gmock GTest::gtest_main pannier::msgpack)
  target_precompile_headers(pannier_test_headers PRIVATE
    <gmock/gmock.h> <gtest/gtest.h> <msgpack.hpp> <algorithm> <array> <chrono> <filesystem> <fstream> <functional> <map>
    <memory> <optional> <random> <span> <string> <string_view> <thread> <unordered_map> <variant> <vector>)
  pannier_compile_as_tests(pannier_fuzz_replay)
endif()

function(pannier_add_test_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBS")
  if(NOT arg_SOURCES OR arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "pannier_add_test_library(${name}): needs SOURCES, and knows LIBS only; "
                        "got: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  add_library(${name} STATIC EXCLUDE_FROM_ALL ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC ${arg_LIBS} Threads::Threads)
  pannier_compile_as_tests(${name})
endfunction()

function(pannier_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "SOURCES;LIBS;LABELS")
  if(NOT arg_SOURCES OR arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "pannier_add_test(${name}): needs SOURCES, and knows LIBS, LABELS, TIMEOUT only; "
                        "got: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  # Without times of a run before, the longest are the first to run: else the last processor waits for them at the end.
  set(cost 0)
  if("model" IN_LIST arg_LABELS)
    set(cost 100)
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LIBS} GTest::gtest_main Threads::Threads)
  pannier_compile_as_tests(${name})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/tests")
  if(PANNIER_SANITIZE)
    # To start a program takes longer with sanitizers than most tests do: all of one are one test.
    add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
    set_tests_properties(${name} PROPERTIES TIMEOUT 900 LABELS "${arg_LABELS}" COST ${cost})
  else()
    gtest_discover_tests(${name} TEST_PREFIX "${name}." DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
      PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABELS}" COST ${cost})
  endif()
endfunction()

function(pannier_add_benchmark name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBS")
  if(NOT arg_SOURCES OR arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "pannier_add_benchmark(${name}): needs SOURCES, and knows LIBS only; "
                        "got: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  add_executable(${name} EXCLUDE_FROM_ALL ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LIBS})
  target_precompile_headers(${name} REUSE_FROM pannier_bench_headers)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/bench")
  add_dependencies(benchmarks ${name})
endfunction()

function(pannier_add_fuzzer name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "CORPUS" "SOURCES;LIBS")
  if(NOT arg_SOURCES OR arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "pannier_add_fuzzer(${name}): needs SOURCES, and knows LIBS, CORPUS only; "
                        "got: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LIBS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/fuzz")
  if(arg_CORPUS)
    cmake_path(ABSOLUTE_PATH arg_CORPUS NORMALIZE OUTPUT_VARIABLE corpus)
  endif()
  if(PANNIER_FUZZ)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    add_dependencies(fuzzers ${name})
    file(WRITE "${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/fuzz/${name}.corpus" "${corpus}\n")
  else()
    target_link_libraries(${name} PRIVATE pannier_fuzz_replay)
    pannier_compile_as_tests(${name})
    if(arg_CORPUS)
      add_test(NAME ${name}.replay COMMAND ${name} "${corpus}")
      set_tests_properties(${name}.replay PROPERTIES TIMEOUT 120 LABELS fuzz)
    endif()
  endif()
endfunction()
