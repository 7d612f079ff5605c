# The web client inside the server: the files of reference/client/web as /web/NAME, and what
# web.cmake there has built, listed in `web_built` as "/web/NAME=file".
set(web "${CMAKE_CURRENT_SOURCE_DIR}/client/web")
set(web_built "")
include("${web}/web.cmake" OPTIONAL)
file(GLOB web_sources CONFIGURE_DEPENDS RELATIVE "${web}" "${web}/*")
list(FILTER web_sources INCLUDE REGEX
    "\\.(html|js|mjs|css|json|webmanifest|svg|png|jpg|ico|woff2|txt)$")
set(web_list "")
set(web_files "")
foreach(path IN LISTS web_sources)
    string(APPEND web_list "/web/${path}=${web}/${path}\n")
    list(APPEND web_files "${web}/${path}")
endforeach()
foreach(entry IN LISTS web_built)
    string(APPEND web_list "${entry}\n")
    string(REGEX REPLACE "^[^=]*=" "" path "${entry}")
    list(APPEND web_files "${path}")
endforeach()
set(web_output "${CMAKE_CURRENT_BINARY_DIR}/web_embedded.cpp")
file(CONFIGURE OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/web_files.txt" CONTENT "${web_list}" @ONLY)
add_custom_command(OUTPUT "${web_output}"
    COMMAND "${CMAKE_COMMAND}" "-DLIST=${CMAKE_CURRENT_BINARY_DIR}/web_files.txt"
        "-DOUTPUT=${web_output}" -P "${CMAKE_CURRENT_SOURCE_DIR}/server/web_embed.cmake"
    DEPENDS ${web_files} "${CMAKE_CURRENT_BINARY_DIR}/web_files.txt"
        "${CMAKE_CURRENT_SOURCE_DIR}/server/web_embed.cmake"
    COMMENT "Putting the web client into the server" VERBATIM)
set_source_files_properties("${web_output}" PROPERTIES OBJECT_DEPENDS "${web_files}")
