# What can be switched, and the flags that every target of ours is built with.
option(MOQRTC_MOQT "Build what speaks Media over QUIC" ON)
option(MOQRTC_WEBRTC "Build what speaks WebRTC" ON)
option(MOQRTC_REFERENCE "Build the reference server and client" ${PROJECT_IS_TOP_LEVEL})
option(MOQRTC_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(MOQRTC_EXAMPLES "Build the examples" ${PROJECT_IS_TOP_LEVEL})
option(MOQRTC_BENCH "Build the benchmarks" OFF)
option(MOQRTC_FUZZ "Build the libFuzzer targets (Clang)" OFF)
option(MOQRTC_TOGETHER "Compile small files of one target together, which takes half as long" ON)
option(MOQRTC_WERROR "Treat warnings as errors in our own targets" ${PROJECT_IS_TOP_LEVEL})
set(MOQRTC_SANITIZE "" CACHE STRING "Sanitizers of our own targets, e.g. address,undefined")
set(MOQRTC_DEPS "" CACHE PATH "Prefix of the QUIC stack that scripts/bootstrap built")

if(PROJECT_IS_TOP_LEVEL)
    set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
    set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
    if(NOT CMAKE_BUILD_TYPE)
        set(CMAKE_BUILD_TYPE Release)
    endif()
    # -O3 makes the large state machines slower to build and no faster to run.
    set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
    find_program(MOQRTC_CCACHE ccache)
    if(MOQRTC_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
        # Without this ccache does not cache what uses a precompiled header.
        set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env
            CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
            "${MOQRTC_CCACHE}")
    endif()
    find_program(MOQRTC_MOLD mold)
    if(MOQRTC_MOLD)
        add_link_options(-fuse-ld=mold)
    endif()
endif()
if(MOQRTC_DEPS)
    list(PREPEND CMAKE_PREFIX_PATH "${MOQRTC_DEPS}")
    set(ENV{PKG_CONFIG_PATH} "${MOQRTC_DEPS}/lib/pkgconfig:$ENV{PKG_CONFIG_PATH}")
    set(OPENSSL_ROOT_DIR "${MOQRTC_DEPS}")
    list(APPEND CMAKE_BUILD_RPATH "${MOQRTC_DEPS}/lib")
    list(APPEND CMAKE_INSTALL_RPATH "${MOQRTC_DEPS}/lib")
endif()

# Flags for targets that are ours; consumers of the headers never inherit them.
add_library(moqrtc_ours INTERFACE)
target_compile_features(moqrtc_ours INTERFACE cxx_std_23)
target_compile_options(moqrtc_ours INTERFACE
    -Wall -Wextra -Wconversion -Wpedantic
    $<$<NOT:$<BOOL:$<TARGET_PROPERTY:MOQRTC_SHADOWS>>>:-Wshadow> $<$<BOOL:${MOQRTC_WERROR}>:-Werror>)
# GCC 12 sees overlapping copies in "text" + std::to_string(n), which are none (GCC bug 105651), and
# cannot instrument the fences in Asio.
target_compile_options(moqrtc_ours INTERFACE
    $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict -Wno-maybe-uninitialized>)
if(MOQRTC_SANITIZE STREQUAL "thread")
    target_compile_options(moqrtc_ours INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>)
endif()
if(MOQRTC_SANITIZE)
    target_compile_options(moqrtc_ours INTERFACE
        -fsanitize=${MOQRTC_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(moqrtc_ours INTERFACE -fsanitize=${MOQRTC_SANITIZE})
endif()

# moqrtc_precompile(TARGET HEADER...): what nearly every file of TARGET includes is compiled once.
function(moqrtc_precompile target)
    target_precompile_headers(${target} PRIVATE ${ARGN})
    if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
        target_compile_options(${target} PRIVATE -fpch-preprocess) # for ccache
    endif()
endfunction()

# moqrtc_together(TARGET GROUP FOLDER NAME...): these files of TARGET, FOLDER/NAME.cpp, are one for the
# compiler, because most of its time goes into headers and templates that they share.
function(moqrtc_together target group folder)
    if(NOT MOQRTC_TOGETHER OR NOT TARGET ${target})
        return()
    endif()
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
    foreach(name IN LISTS ARGN)
        set_source_files_properties("${CMAKE_CURRENT_SOURCE_DIR}/${folder}/${name}.cpp"
            PROPERTIES UNITY_GROUP ${group})
    endforeach()
endfunction()
