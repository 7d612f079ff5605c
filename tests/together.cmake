# What of each test program is compiled together: half of a test's time goes into headers and
# templates that it shares with its neighbours. A file that is not listed is compiled alone, as is one
# that calls something by a name that another file of its group uses.
function(moqrtc_tests_together folder group)
    list(TRANSFORM ARGN APPEND "_test")
    moqrtc_together(${folder}_tests ${group} ${folder} ${ARGN})
endfunction()

moqrtc_tests_together(core 1
    base64 bit_reader buffer_pool bytes error hex json_printer reader ring)
moqrtc_tests_together(core 2
    sampler send_queue sizer slice time utf8 varint)
moqrtc_tests_together(cmaf 1
    box_fields box box_writer file_demuxer file_writer fragment)
moqrtc_tests_together(cmaf 2
    group_clock init_segment media_files movie_fragment movie packager)
moqrtc_tests_together(cmaf 3
    priming sample_table slice_list stream_demuxer timescale)
moqrtc_tests_together(codec 1
    aac av1_sequence av1 codec_string description h264_sps)
moqrtc_tests_together(codec 2
    h264 h265_sps h265 nal opus vp9)
moqrtc_tests_together(catalog 1
    catalog_diff catalog_state catalog catalog_update check)
moqrtc_tests_together(catalog 2
    golden json_patch json locate priority)
moqrtc_tests_together(catalog 3
    reader track writer)
moqrtc_tests_together(auth 1
    cat parsers profiles)
moqrtc_tests_together(auth 2
    values verifier)
moqrtc_tests_together(webtransport 1
    codec connection early frames)
moqrtc_tests_together(webtransport 2
    mix moqt nghttp3 request)
moqrtc_tests_together(moqt 1
    allocation codes data/datagram data/payload_assembler data/stream_reader
    data/stream_type)
moqrtc_tests_together(moqt 2
    data/subgroup data/track_checker draft messages must name)
moqrtc_tests_together(moqt 3
    params_codec params_filter properties range_filter relay/admission relay/bridge)
moqrtc_tests_together(moqt 4
    relay/discovery relay/fanout relay/fetch relay/fill relay/must_relay relay/relay)
moqrtc_tests_together(moqt 5
    relay/replay relay/sibling relay/slow relay/track_cache relay/upstream_discovery
    relay/upstream_rows)
moqrtc_tests_together(moqt 6
    relay/upstream serialized_name session/alias_table session/credit session/fill)
moqrtc_tests_together(moqt 7
    session/leaving session/namespaces session/objects session/older_drafts)
moqrtc_tests_together(moqt 8
    session/qlog_trace session/receiving session/requests session/sending setup_options
    token)
moqrtc_tests_together(reference 1
    certificate client_init_tracks client_ordering doors)
moqrtc_tests_together(reference 2
    http3 interop_cases locator quic_address)
moqrtc_tests_together(reference 3
    quic_hostile quic record_ring server_settings)
moqrtc_tests_together(reference 4
    server_status shard_moves web_files)
