# What the server needs besides the reference library, all packaged. All of it but main.cpp is a
# library, so that tests link it.
find_package(spdlog REQUIRED)
find_package(Boost 1.74 REQUIRED) # Asio and Beast are headers
find_package(nlohmann_json REQUIRED)
find_package(SQLite3 REQUIRED)

get_target_property(parts moqrtc-server SOURCES)
list(FILTER parts EXCLUDE REGEX "/main\\.cpp$")
file(GLOB control CONFIGURE_DEPENDS control/*.cpp)
include(server/web.cmake)
add_library(moqrtc_server STATIC ${parts} ${control} "${web_output}")
target_link_libraries(moqrtc_server
    PUBLIC moqrtc_reference nlohmann_json::nlohmann_json
    PRIVATE moqrtc_ours spdlog::spdlog Boost::headers SQLite::SQLite3)
target_compile_definitions(moqrtc_server PRIVATE MOQRTC_VERSION_TEXT="${PROJECT_VERSION}")
# Without Asio: the HTTP listener takes that of Boost, and the two share include guards.
moqrtc_precompile(moqrtc_server <moqrtc/moqt/relay/relay.hpp> <nlohmann/json.hpp>)

# Files that are small, or share templates that are not, are compiled together.
moqrtc_together(moqrtc_server routes control routes_access routes_devices routes_calls
    routes_records routes_server routes_streams openapi api_dispatch
    api_callers)
moqrtc_together(moqrtc_server control control control_api call_coordinator call_registry
    control_state broadcast_watch webhooks signing_keys)
moqrtc_together(moqrtc_server store control access_directory control_thread database event_hub
    kill_switch migrations records secrets stream_registry)
moqrtc_together(moqrtc_server settings server host_names identity json_text relay_log status_board log
    options settings setting_values environment)
moqrtc_together(moqrtc_server tokens server doors token_doors token_requests)
moqrtc_together(moqrtc_server shard server shard sibling_link http3_connection
    admission_gate admission_ledger)

set_property(TARGET moqrtc-server PROPERTY SOURCES "${CMAKE_CURRENT_SOURCE_DIR}/server/main.cpp")
target_link_libraries(moqrtc-server PRIVATE moqrtc_server)
