# All of the client but main.cpp is a library, so that tests link it.
get_target_property(parts moqrtc-client SOURCES)
list(FILTER parts EXCLUDE REGEX "/main\\.cpp$")
add_library(moqrtc_client STATIC ${parts})
target_link_libraries(moqrtc_client PUBLIC moqrtc_reference PRIVATE moqrtc_ours)
# Commands are small and CLI11 is large: what counts here is how fast it compiles.
target_compile_options(moqrtc_client PRIVATE $<$<CONFIG:Release>:-O1>)
moqrtc_precompile(moqrtc_client <CLI/CLI.hpp> <asio/io_context.hpp> <moqrtc/moqt/session/session.hpp>
    <moqrtc/catalog/catalog_state.hpp>)
moqrtc_together(moqrtc_client commands client catalog_command decode_command fetch_command
    media_commands token_command)
moqrtc_together(moqrtc_client tracks client interop_command namespaces_command options recv_command
    send_command status_command)
moqrtc_together(moqrtc_client decode client decode_moqt decode_mp4 decode_token print query runner)
moqrtc_together(moqrtc_client interop client init_tracks interop_cases interop_data_cases
    interop_stage interop_track)
moqrtc_together(moqrtc_client media client loc_track media_file media_source publication publisher subscriber
    subscriber_tracks track_receiver)

set_property(TARGET moqrtc-client PROPERTY SOURCES "${CMAKE_CURRENT_SOURCE_DIR}/client/main.cpp")
target_link_libraries(moqrtc-client PRIVATE moqrtc_client)
