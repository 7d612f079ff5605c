# moqrtc_separate(TARGET SCOPE PART...): compiles the definitions of each PART (catalog; auth;
# moqt/relay, which brings the session along; webtransport) once for TARGET instead of in every translation unit;
# see moqrtc/core/inline.hpp. With the scope PUBLIC whatever links TARGET shares them, as it must.
function(moqrtc_separate target scope)
    target_compile_definitions(${target} ${scope} MOQRTC_SEPARATE)
    foreach(part IN LISTS ARGN)
        string(REPLACE "/" "_" name "${target}_${part}")
        set(source "${CMAKE_CURRENT_BINARY_DIR}/moqrtc_separate/${name}.cpp")
        file(CONFIGURE OUTPUT "${source}" CONTENT "#include <moqrtc/${part}/source.hpp>\n")
        target_sources(${target} PRIVATE "${source}")
        set_source_files_properties("${source}" TARGET_DIRECTORY ${target}
            PROPERTIES SKIP_PRECOMPILE_HEADERS ON SKIP_UNITY_BUILD_INCLUSION ON)
    endforeach()
endfunction()
