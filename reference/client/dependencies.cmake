# All of the client but main.cpp is a library, so that tests link it.
get_target_property(parts moqrtc-client SOURCES)
list(FILTER parts EXCLUDE REGEX "/main\\.cpp$")
add_library(moqrtc_client STATIC ${parts})
target_link_libraries(moqrtc_client PUBLIC moqrtc_reference PRIVATE moqrtc_ours)
# Commands are small and CLI11 is large: what counts here is how fast it compiles.
target_compile_options(moqrtc_client PRIVATE $<$<CONFIG:Release>:-O1>)
moqrtc_precompile(moqrtc_client <CLI/CLI.hpp> <asio/io_context.hpp> <moqrtc/moqt/session/session.hpp>
    <moqrtc/catalog/catalog_state.hpp>)

set_property(TARGET moqrtc-client PROPERTY SOURCES "${CMAKE_CURRENT_SOURCE_DIR}/client/main.cpp")
target_link_libraries(moqrtc-client PRIVATE moqrtc_client)
