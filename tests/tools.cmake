# Tests of the house itself: layers, words, consumers, headers alone, WebAssembly, scripts.
find_program(MOQRTC_BASH bash REQUIRED)
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(tools "${CMAKE_CURRENT_SOURCE_DIR}/tools")
set(tools_work "${PROJECT_BINARY_DIR}/tools")

function(moqrtc_tool_test name)
    cmake_parse_arguments(ARG "THOROUGH" "TIMEOUT;COST" "COMMAND" ${ARGN})
    add_test(NAME tools/${name} COMMAND ${ARG_COMMAND})
    # The long ones are started first, next to the many short tests.
    set_tests_properties(tools/${name} PROPERTIES LABELS "tools$<$<BOOL:${ARG_THOROUGH}>:;thorough>"
        SKIP_RETURN_CODE 77
        TIMEOUT ${ARG_TIMEOUT} COST ${ARG_COST})
endfunction()

moqrtc_tool_test(layers TIMEOUT 60 COST 1
    COMMAND Python3::Interpreter "${tools}/check_layers.py" "${PROJECT_SOURCE_DIR}")
moqrtc_tool_test(words TIMEOUT 60 COST 1
    COMMAND Python3::Interpreter "${tools}/check_words.py" "${PROJECT_SOURCE_DIR}")
moqrtc_tool_test(operation TIMEOUT 60 COST 1
    COMMAND Python3::Interpreter "${tools}/check_operation.py" "${PROJECT_SOURCE_DIR}")
moqrtc_tool_test(checks TIMEOUT 60 COST 5
    COMMAND Python3::Interpreter "${tools}/checks_test.py")
moqrtc_tool_test(scripts TIMEOUT 60 COST 5
    COMMAND "${MOQRTC_BASH}" "${tools}/scripts_test" "${PROJECT_SOURCE_DIR}")

# Each header target as a user would link it.
get_property(header_targets GLOBAL PROPERTY MOQRTC_TARGETS)
set(exported)
set(headers)
foreach(target IN LISTS header_targets)
    get_target_property(name ${target} EXPORT_NAME)
    list(APPEND exported ${name})
    get_target_property(found ${target} HEADER_SET)
    if(found)
        list(APPEND headers ${found})
    endif()
endforeach()
if(MOQRTC_MOQT)
    foreach(method IN ITEMS find_package add_subdirectory pkg_config)
        moqrtc_tool_test(${method} TIMEOUT 300 COST 50
            COMMAND "${MOQRTC_BASH}" "${tools}/consume" ${method} "${PROJECT_SOURCE_DIR}"
                "${tools_work}/${method}" "${CMAKE_CXX_COMPILER}" ${exported})
    endforeach()

    set(compilers "${CMAKE_CXX_COMPILER}")
    if(NOT CMAKE_CXX_COMPILER_ID STREQUAL Clang)
        find_program(MOQRTC_CLANG NAMES clang++-19 clang++-20 clang++-21 clang++-22)
        list(APPEND compilers "$<IF:$<BOOL:${MOQRTC_CLANG}>,${MOQRTC_CLANG},clang++-19>")
    endif()
    foreach(compiler IN LISTS compilers)
        # One compiler every time; the other, and WebAssembly header by header, with --all.
        if(compiler MATCHES clang)
            set(label clang)
            set(tier "")
        else()
            set(label gcc)
            set(tier THOROUGH)
        endif()
        moqrtc_tool_test(headers_alone_${label} ${tier} TIMEOUT 1200 COST 200
            COMMAND "${MOQRTC_BASH}" "${tools}/headers_alone" "${PROJECT_SOURCE_DIR}"
                "${tools_work}/headers_alone_${label}" "${compiler}")
    endforeach()

    moqrtc_tool_test(wasm32 TIMEOUT 300 COST 20
        COMMAND "${MOQRTC_BASH}" "${PROJECT_SOURCE_DIR}/scripts/wasm-check" --together)
    moqrtc_tool_test(wasm32_alone THOROUGH TIMEOUT 1200 COST 150
        COMMAND "${MOQRTC_BASH}" "${PROJECT_SOURCE_DIR}/scripts/wasm-check")
endif()

if(MOQRTC_BENCH)
    moqrtc_tool_test(benches THOROUGH TIMEOUT 600 COST 60
        COMMAND "${CMAKE_COMMAND}" --build "${PROJECT_BINARY_DIR}" --target benches)
endif()

# Every header twice in one program: a definition that is not inline fails to link.
set(every_header "")
foreach(header IN LISTS headers)
    string(APPEND every_header "#include \"${header}\"\n")
endforeach()
file(CONFIGURE OUTPUT "${tools_work}/every_header.hpp" CONTENT "${every_header}" @ONLY)
add_executable(odr_test tools/odr_first.cpp tools/odr_second.cpp)
target_include_directories(odr_test PRIVATE "${tools_work}")
target_link_libraries(odr_test PRIVATE moqrtc_ours moqrtc::moqrtc)
moqrtc_tool_test(odr TIMEOUT 60 COST 1 COMMAND odr_test)
