# The web client: the library as a WebAssembly module, next to copies of the pages in the build
# tree (web/), which `moqrtc-server --web-dir` can serve.
#
# Clang targets wasm32 beside whatever compiler builds the rest, so this is a handful of commands
# and no second toolchain. `web_built` names what was made, for those who embed it.
set(web_source "${CMAKE_CURRENT_LIST_DIR}")
set(web_output "${PROJECT_BINARY_DIR}/web")
set(web_built)

find_program(MOQRTC_WASM_CXX NAMES clang++-19 clang++-20 clang++-21 clang++-22 clang++)
set(web_flags --target=wasm32-wasi -std=c++23 -Oz -flto -DNDEBUG -fno-exceptions -fno-rtti
    -fvisibility=hidden -Wall -Wextra -Wconversion -Wshadow -Wpedantic -Werror)
set(web_probe "${PROJECT_BINARY_DIR}/CMakeFiles/web_probe")
if(NOT DEFINED MOQRTC_WASM_WORKS AND MOQRTC_WASM_CXX)
    file(WRITE "${web_probe}.cpp" "#include <expected>\n#include <vector>\n"
        "int main() { return std::expected<int, int>{0}.value_or(1); }\n")
    execute_process(COMMAND "${MOQRTC_WASM_CXX}" ${web_flags} "${web_probe}.cpp" -o "${web_probe}.wasm"
        RESULT_VARIABLE web_status OUTPUT_QUIET ERROR_VARIABLE web_words)
    if(web_status EQUAL 0)
        set(MOQRTC_WASM_WORKS ON CACHE INTERNAL "clang++ makes programs for wasm32")
    endif()
endif()
set(MOQRTC_WEB AUTO CACHE STRING
    "Build the web client's WebAssembly module: ON, OFF, or AUTO (when the toolchain is there)")
set(web_wanted "${MOQRTC_WEB}")
if(web_wanted STREQUAL "AUTO")
    set(web_wanted "${MOQRTC_WASM_WORKS}")
endif()
if(NOT web_wanted)
    message(STATUS "Web client: without its module (scripts/bootstrap web installs what it takes)")
    return()
endif()
if(NOT MOQRTC_WASM_WORKS)
    message(FATAL_ERROR "MOQRTC_WEB needs Clang 19 or newer with libraries for wasm32 "
        "(scripts/bootstrap web installs them): ${web_words}")
endif()

file(GLOB web_sources CONFIGURE_DEPENDS "${web_source}/module/*.cpp")
set(web_objects)
foreach(source IN LISTS web_sources)
    get_filename_component(name "${source}" NAME_WE)
    set(object "${PROJECT_BINARY_DIR}/CMakeFiles/web_module/${name}.o")
    add_custom_command(OUTPUT "${object}"
        COMMAND ${CMAKE_COMMAND} -E make_directory "${PROJECT_BINARY_DIR}/CMakeFiles/web_module"
        COMMAND "${MOQRTC_WASM_CXX}" ${web_flags} "-I${PROJECT_SOURCE_DIR}/include"
            -MD -MF "${object}.d" -c "${source}" -o "${object}"
        DEPENDS "${source}" DEPFILE "${object}.d"
        COMMENT "Compiling ${name}.cpp for wasm32" VERBATIM)
    list(APPEND web_objects "${object}")
endforeach()
# Nothing of the module asks for an operating system: it has no imports, which a test checks.
set(web_module "${web_output}/moqrtc.wasm")
add_custom_command(OUTPUT "${web_module}"
    COMMAND ${CMAKE_COMMAND} -E make_directory "${web_output}"
    COMMAND "${MOQRTC_WASM_CXX}" --target=wasm32-wasi -mexec-model=reactor -Oz -flto
        ${web_objects} -o "${web_module}" -Wl,--gc-sections,--strip-all,-z,stack-size=262144
    DEPENDS ${web_objects} COMMENT "Linking moqrtc.wasm" VERBATIM)
list(APPEND web_built "/web/moqrtc.wasm=${web_module}")

file(GLOB web_pages CONFIGURE_DEPENDS "${web_source}/*.js" "${web_source}/*.html"
    "${web_source}/*.css" "${web_source}/*.svg")
set(web_copies)
foreach(page IN LISTS web_pages)
    get_filename_component(name "${page}" NAME)
    add_custom_command(OUTPUT "${web_output}/${name}"
        COMMAND ${CMAKE_COMMAND} -E copy "${page}" "${web_output}/${name}"
        DEPENDS "${page}" COMMENT "" VERBATIM)
    list(APPEND web_copies "${web_output}/${name}")
endforeach()
add_custom_target(moqrtc_web ALL DEPENDS "${web_module}" ${web_copies})
