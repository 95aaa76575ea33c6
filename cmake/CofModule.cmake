# How a folder becomes a library, a test or a program, with the flags of the house on every target.
#
#   cof_module(<folder> SOURCES a.c … [MAY_USE base keys …] [LIBRARIES cof_third::lmdb …])
#     static library cof_<folder>; sees include/ and its own folder.
#   cof_program(<name> SOURCES a.c … LINK <folder>… [LIBRARIES …])
#     executable in the root of the build folder.
#   cof_test(NAME test_x SOURCES test_x.c … LINK <folder>… [LIBRARIES …]
#            [LABELS …] [TIMEOUT seconds] [ARGUMENTS …] [ENVIRONMENT VAR=value …])
#     cmocka executable and ctest entry. Its first label is its kind, taken from tests/<kind>/;
#     it may include the private headers of the folders it links.
#   cof_fuzz(NAME fuzz_x SOURCES fuzz_x.c … LINK <folder>… [CORPUS folder] [LIBRARIES …])
#     LLVMFuzzerTestOneInput of fuzzing.h in SOURCES; every file of the corpus is replayed as a test, and with
#     COF_BUILD_FUZZ the executable <name>_libfuzzer searches for more.

include(CheckPIESupported)
check_pie_supported()
find_package(Threads REQUIRED)

set(COF_FOLDERS base keys store audit auth index embedder generate ingest search answer service api
    app)

set(cof_shared_warnings
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wdouble-promotion
    -Wpointer-arith -Wcast-qual -Wwrite-strings -Wformat=2 -Wundef -Wvla -Wimplicit-fallthrough
    -Wswitch-enum)
set(cof_c_warnings -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition)

add_library(cof_options INTERFACE)
target_compile_options(cof_options INTERFACE
    ${cof_shared_warnings}
    "$<$<COMPILE_LANGUAGE:C>:${cof_c_warnings}>"
    $<$<C_COMPILER_ID:Clang>:-Wno-gnu-zero-variadic-macro-arguments>
    # snprintf into a fixed field is how we truncate; gcc's guesses about it change with -O.
    $<$<C_COMPILER_ID:GNU>:-Wno-format-truncation>
    # Every cmocka case takes a state that most do not use.
    $<$<BOOL:$<TARGET_PROPERTY:COF_IS_TEST>>:-Wno-unused-parameter>
    $<$<BOOL:${COF_WERROR}>:-Werror>)
# Defined empty, so that a file which says "#define _GNU_SOURCE" for itself agrees with it.
target_compile_definitions(cof_options INTERFACE $<$<COMPILE_LANGUAGE:C>:_GNU_SOURCE=>)
target_include_directories(cof_options INTERFACE ${PROJECT_SOURCE_DIR}/include)
target_link_libraries(cof_options INTERFACE Threads::Threads)

if(COF_SANITIZE)
  target_compile_options(cof_options INTERFACE
      -fsanitize=${COF_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(cof_options INTERFACE -fsanitize=${COF_SANITIZE})
else()
  set(cof_hardened $<CONFIG:Release,RelWithDebInfo,MinSizeRel>)
  target_compile_options(cof_options INTERFACE
      "$<${cof_hardened}:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=2;-fstack-protector-strong>"
      $<${cof_hardened}:-fstack-clash-protection>)
  target_link_options(cof_options INTERFACE
      "$<${cof_hardened}:-Wl,-z,relro,-z,now,-z,noexecstack>")
endif()

function(cof_configure_target target)
  set_target_properties(${target} PROPERTIES
      C_STANDARD 17 C_STANDARD_REQUIRED ON C_EXTENSIONS ON
      CXX_STANDARD 17 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF
      POSITION_INDEPENDENT_CODE ON)
  target_link_libraries(${target} PRIVATE cof_options)
endfunction()

# Links folders by name; a folder that has no library in this build is left to the linker to miss.
function(cof_link_folders target visibility)
  foreach(folder IN LISTS ARGN)
    if(NOT folder IN_LIST COF_FOLDERS)
      message(FATAL_ERROR "${target}: there is no folder '${folder}'; known: ${COF_FOLDERS}")
    endif()
    target_link_libraries(${target} ${visibility} $<TARGET_NAME_IF_EXISTS:cof_${folder}>)
  endforeach()
endfunction()

function(cof_link_libraries target visibility)
  foreach(library IN LISTS ARGN)
    cof_third_need(${library})
    target_link_libraries(${target} ${visibility} ${library})
  endforeach()
endfunction()

function(cof_module folder)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;MAY_USE;LIBRARIES")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES)
    message(FATAL_ERROR "cof_module(${folder} SOURCES … [MAY_USE …] [LIBRARIES …])")
  endif()
  if(NOT folder IN_LIST COF_FOLDERS)
    message(FATAL_ERROR "cof_module: '${folder}' is not in the floors table")
  endif()
  set(target cof_${folder})
  add_library(${target} STATIC ${arg_SOURCES})
  cof_configure_target(${target})
  target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR}/include
                                       PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  cof_link_folders(${target} PUBLIC ${arg_MAY_USE})
  cof_link_libraries(${target} PRIVATE ${arg_LIBRARIES})
endfunction()

function(cof_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LINK;LIBRARIES")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES)
    message(FATAL_ERROR "cof_program(${name} SOURCES … [LINK …] [LIBRARIES …])")
  endif()
  add_executable(${name} ${arg_SOURCES})
  cof_configure_target(${name})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
  target_include_directories(${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  cof_link_folders(${name} PRIVATE ${arg_LINK})
  cof_link_libraries(${name} PRIVATE ${arg_LIBRARIES})
endfunction()

# The part that tests and fuzzers share: flags, folders, tests/support, private headers.
function(cof_test_executable target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LINK;LIBRARIES")
  add_executable(${target} ${arg_SOURCES})
  cof_configure_target(${target})
  set_target_properties(${target} PROPERTIES COF_IS_TEST ON)
  target_compile_definitions(${target} PRIVATE COF_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests/support)
  foreach(folder IN LISTS arg_LINK)
    foreach(place IN ITEMS src/${folder} ${folder})
      if(IS_DIRECTORY ${PROJECT_SOURCE_DIR}/${place})
        target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/${place})
      endif()
    endforeach()
  endforeach()
  cof_link_folders(${target} PRIVATE ${arg_LINK})
  cof_link_libraries(${target} PRIVATE ${arg_LIBRARIES})
endfunction()

# The kind of a test is the folder under tests/ that it stands in.
function(cof_test_kind out_kind)
  file(RELATIVE_PATH place ${PROJECT_SOURCE_DIR}/tests ${CMAKE_CURRENT_SOURCE_DIR})
  string(REGEX REPLACE "/.*" "" kind "${place}")
  set(${out_kind} ${kind} PARENT_SCOPE)
endfunction()

function(cof_test_register name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "COMMAND;LABELS;ENVIRONMENT")
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  if(COF_SANITIZE)
    math(EXPR arg_TIMEOUT "${arg_TIMEOUT} * 5")
  endif()
  cof_test_kind(kind)
  list(APPEND arg_LABELS ${kind})
  list(REMOVE_DUPLICATES arg_LABELS)
  add_test(NAME ${name} COMMAND ${arg_COMMAND})
  set_tests_properties(${name} PROPERTIES
      LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT} SKIP_RETURN_CODE 77)
  set(support ${PROJECT_SOURCE_DIR}/tests/support)
  set_property(TEST ${name} PROPERTY ENVIRONMENT
      "ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:abort_on_error=0"
      "LSAN_OPTIONS=suppressions=${support}/lsan.supp:print_suppressions=0"
      "TSAN_OPTIONS=suppressions=${support}/tsan.supp:halt_on_error=1:second_deadlock_stack=1"
      "UBSAN_OPTIONS=print_stacktrace=1"
      ${arg_ENVIRONMENT})
endfunction()

function(cof_test)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;TIMEOUT"
      "SOURCES;LINK;LIBRARIES;LABELS;ARGUMENTS;ENVIRONMENT")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_NAME OR NOT arg_SOURCES)
    message(FATAL_ERROR "cof_test(NAME … SOURCES … [LINK …] …), not: ${ARGV}")
  endif()
  cof_test_executable(${arg_NAME} SOURCES ${arg_SOURCES} LINK ${arg_LINK}
                      LIBRARIES ${arg_LIBRARIES} cof_third::cmocka)
  target_link_libraries(${arg_NAME} PRIVATE cof_test_support)
  cof_test_register(${arg_NAME} COMMAND ${arg_NAME} ${arg_ARGUMENTS} LABELS ${arg_LABELS}
                    TIMEOUT ${arg_TIMEOUT} ENVIRONMENT ${arg_ENVIRONMENT})
endfunction()

function(cof_fuzz)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;CORPUS" "SOURCES;LINK;LIBRARIES")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_NAME OR NOT arg_SOURCES)
    message(FATAL_ERROR "cof_fuzz(NAME … SOURCES … LINK … [CORPUS …]), not: ${ARGV}")
  endif()
  if(NOT arg_CORPUS)
    set(arg_CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${arg_NAME})
  endif()
  cmake_path(ABSOLUTE_PATH arg_CORPUS)
  cof_test_executable(${arg_NAME} SOURCES ${arg_SOURCES}
                      ${PROJECT_SOURCE_DIR}/tests/support/fuzz_replay.c
                      LINK ${arg_LINK} LIBRARIES ${arg_LIBRARIES})
  cof_test_register(${arg_NAME} COMMAND ${arg_NAME} ${arg_CORPUS})
  if(COF_BUILD_FUZZ)
    cof_test_executable(${arg_NAME}_libfuzzer SOURCES ${arg_SOURCES} LINK ${arg_LINK}
                        LIBRARIES ${arg_LIBRARIES})
    target_compile_options(${arg_NAME}_libfuzzer PRIVATE -fsanitize=fuzzer)
    target_link_options(${arg_NAME}_libfuzzer PRIVATE -fsanitize=fuzzer)
  endif()
endfunction()
