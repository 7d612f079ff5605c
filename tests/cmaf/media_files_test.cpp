#include "support.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <sstream>
#include <tuple>
#include <unistd.h>

// Real files, made by ffmpeg and compared by it: what went through the packager and the file
// writer must hold the same packets with the same timestamps.

namespace moqrtc::cmaf::test {
namespace {

class scratch {
public:
    scratch()
        : folder_{std::filesystem::temp_directory_path() /
                  ("moqrtc-cmaf-" + std::to_string(getpid()))} {
        std::filesystem::create_directories(folder_);
    }
    ~scratch() { std::filesystem::remove_all(folder_); }
    scratch(const scratch&) = delete;
    scratch& operator=(const scratch&) = delete;
    [[nodiscard]] std::string path(const std::string& name) const {
        return (folder_ / name).string();
    }

private:
    std::filesystem::path folder_;
};

std::string output_of(const std::string& command) {
    std::string out;
    auto* pipe = popen(command.c_str(), "r");
    if (pipe == nullptr) return out;
    std::array<char, 4096> part{};
    while (const auto count = std::fread(part.data(), 1, part.size(), pipe))
        out.append(part.data(), count);
    pclose(pipe);
    return out;
}

bool have_ffmpeg() {
    static const bool found = std::system("ffmpeg -version >/dev/null 2>&1") == 0;
    return found;
}

byte_vector load(const std::string& path) {
    std::ifstream in{path, std::ios::binary};
    std::stringstream text;
    text << in.rdbuf();
    const auto data = text.str();
    const auto view = as_bytes(data);
    return {view.begin(), view.end()};
}
void store(const std::string& path, bytes data) {
    std::ofstream{path, std::ios::binary}.write(reinterpret_cast<const char*>(data.data()),
                                                static_cast<std::streamsize>(data.size()));
}

struct packet {
    long long dts = 0;
    long long pts = 0;
    long long size = 0;
    std::string hash;
    bool operator==(const packet&) const = default;
    friend std::ostream& operator<<(std::ostream& out, const packet& p) {
        return out << "{dts " << p.dts << " pts " << p.pts << " size " << p.size << " " << p.hash
                   << "}";
    }
};
using packets = std::map<int, std::vector<packet>>;

/// The packets of each stream, timestamps in the stream's own time base (the same in both files).
packets packets_of(const std::string& path, const std::string& more = "-c copy") {
    packets out; // everything after the input counts, "-copyts" is a global option
    std::istringstream lines{output_of("ffmpeg -v error -i '" + path + "' -map 0 " + more +
                                       " -f framemd5 - 2>/dev/null")};
    for (std::string line; std::getline(lines, line);) {
        if (line.empty() || line[0] == '#') continue;
        std::vector<std::string> fields;
        std::istringstream row{line};
        for (std::string field; std::getline(row, field, ',');) {
            field.erase(0, field.find_first_not_of(' '));
            fields.push_back(field);
        }
        if (fields.size() < 6) continue;
        out[std::stoi(fields[0])].push_back(
            {std::stoll(fields[1]), std::stoll(fields[2]), std::stoll(fields[4]), fields[5]});
    }
    return out;
}

/// A kind of file: how ffmpeg makes it.
struct file_kind {
    const char* name;
    const char* arguments;
    bool from_pipe; ///< also as a stream
};
std::ostream& operator<<(std::ostream& out, const file_kind& k) {
    return out << k.name;
}

constexpr auto picture = "-f lavfi -i testsrc=size=160x120:rate=25 ";
constexpr auto sound = "-f lavfi -i sine=frequency=440:sample_rate=48000 ";
constexpr auto h264 = "-c:v libx264 -preset ultrafast -g 25 -pix_fmt yuv420p ";
constexpr auto h264_b = "-c:v libx264 -preset veryfast -g 25 -bf 3 -b_strategy 0 -pix_fmt yuv420p ";

bool make(const file_kind& kind, const std::string& path) {
    const auto expand = [](std::string text) {
        for (const auto& [name, value] :
             {std::pair{"PICTURE", picture}, {"SOUND", sound}, {"H264B", h264_b}, {"H264", h264}})
            for (std::size_t at; (at = text.find(name)) != std::string::npos;)
                text.replace(at, std::string_view{name}.size(), value);
        return text;
    };
    const auto command = "ffmpeg -v error -nostdin -y " + expand(kind.arguments) + " -f mp4 '" +
                         path + "' 2>/dev/null";
    return std::system(command.c_str()) == 0;
}

class media_file : public testing::TestWithParam<file_kind> {
protected:
    void SetUp() override {
        if (!have_ffmpeg()) GTEST_SKIP() << "ffmpeg is not installed";
        if (!make(GetParam(), input_)) GTEST_SKIP() << "ffmpeg lacks an encoder for this";
    }
    scratch folder_{};
    std::string input_ = folder_.path("in.mp4");
    std::string output_ = folder_.path("out.mp4");
};

void expect_groups(const packaged& media) {
    std::map<std::uint32_t, std::pair<std::uint64_t, std::uint64_t>> expected;
    std::map<std::uint64_t, media_time> group_start;
    std::uint32_t lead = UINT32_MAX;
    for (std::uint32_t i = 0; i < media.tracks.size() && lead == UINT32_MAX; ++i)
        if (media.tracks[i].kind == media_kind::video) lead = i;
    for (const auto& o : media.objects)
        if (o.what.track == lead && o.what.object_id == 0 && !o.what.end_of_track)
            group_start[o.what.group_id] = o.what.presentation_time;
    for (const auto& o : media.objects) {
        auto& [group, object] = expected.try_emplace(o.what.track, 0, 0).first->second;
        if (o.what.group_id != group) {
            EXPECT_GT(o.what.group_id, group);
            group = o.what.group_id;
            object = 0;
        }
        EXPECT_EQ(o.what.object_id, object++);
        if (o.what.end_of_track) continue;
        if (o.what.track == lead) {
            EXPECT_EQ(o.what.is_sync, o.what.object_id == 0);
            continue;
        }
        if (lead == UINT32_MAX) continue;
        // Audio lies in the group that contains its first presentation time.
        const auto t = o.what.presentation_time;
        if (group != group_start.begin()->first && group_start.contains(group)) {
            EXPECT_GE(t, group_start.at(group));
        }
        if (group_start.contains(group + 1)) {
            EXPECT_LT(t, group_start.at(group + 1));
        }
    }
}

void expect_errors_when_truncated(const byte_vector& file) {
    const auto ignore = [](const media_sample&) {};
    buffer_pool pool;
    for (std::size_t size = 0; size < file.size(); size += 1 + size / 8) {
        const byte_vector part(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
        const auto as_file = demux_file(part, {}, ignore);
        const auto as_stream = demux_stream(pool, part, 777, ignore);
        // A fragmented file that is cut between two fragments is just a shorter one.
        const bool whole_fragments = as_stream.has_value();
        EXPECT_TRUE(!as_file || whole_fragments) << size << " of " << file.size();
        if (!as_stream) {
            EXPECT_STRNE(as_stream.error().where, "");
        }
    }
}

/// Timestamps of each stream relative to its first packet.
packets relative(packets all) {
    for (auto& [stream, list] : all) {
        const auto first = list.front();
        for (auto& p : list) {
            p.dts -= first.dts;
            p.pts -= first.dts;
        }
    }
    return all;
}

/// `absolute` keeps ffmpeg from moving the whole file to where it thinks it starts, which it
/// rounds for each stream.
constexpr auto absolute = "-c copy -copyts";

TEST_P(media_file, survives) {
    const auto file = load(input_);
    packager::config settings;
    settings.first_group = 1'790'000'000'000;
    const auto media = package(file, settings);
    expect_groups(media);
    store(output_, write_file(media));
    const auto source = packets_of(input_, absolute);
    ASSERT_FALSE(source.empty());
    const auto arguments = std::string_view{GetParam().arguments};
    const auto has = [arguments](const char* what) {
        return arguments.find(what) != std::string_view::npos;
    };
    // ffmpeg moves a track with negative composition offsets by the least of them, instead of
    // showing what lies before the start early; the packager makes them positive.
    const bool moved = has("+cmaf");
    const auto timed = [&](const packets& p) { return moved ? relative(p) : p; };
    EXPECT_EQ(timed(packets_of(output_, absolute)), timed(source));

    const auto copied = packets_of(input_);
    const auto found = packets_of(output_);
    EXPECT_EQ(relative(found), relative(copied));
    // Of Opus in fragmented files ffmpeg 5 does not tell how much to drop: it starts earlier.
    if (!has("opus") && !moved) {
        EXPECT_EQ(found, copied);
    }
    // Where fragments of tracks alternate, ffmpeg drops decoded audio of the source itself.
    if (!has("frag_every_frame")) {
        EXPECT_EQ(relative(packets_of(output_, "")), relative(packets_of(input_, "")));
    }

    // Who joins at the second group gets the same from there on.
    store(output_, write_file(media, settings.first_group + 1));
    const auto late = packets_of(output_, absolute);
    ASSERT_EQ(late.size(), source.size());
    for (const auto& [stream, list] : late) {
        const auto& all = source.at(stream);
        ASSERT_LT(list.size(), all.size());
        ASSERT_GT(list.size(), 0U);
        if (!moved) {
            EXPECT_TRUE(std::equal(list.rbegin(), list.rend(), all.rbegin()));
        }
    }

    if (GetParam().from_pipe) {
        const auto streamed = package(file, {}, 1000);
        expect_groups(streamed);
        store(output_, write_file(streamed));
        EXPECT_EQ(timed(packets_of(output_, absolute)), timed(source));
    }
    expect_errors_when_truncated(file);
}

constexpr file_kind kinds[] = {
    {"moov_at_end", "PICTURE SOUND -t 3 H264 -c:a aac", false},
    {"faststart", "PICTURE SOUND -t 3 H264 -c:a aac -movflags +faststart", true},
    {"b_frames", "PICTURE SOUND -t 3 H264B -c:a aac", false},
    {"b_frames_faststart", "PICTURE SOUND -t 3 H264B -c:a aac -movflags +faststart", true},
    {"variable_frame_rate",
     "PICTURE SOUND -t 3 -vf select='not(mod(n\\,3))+gt(random(0)\\,0.6)' -vsync vfr H264 -c:a aac",
     false},
    {"fragmented_keyframe",
     "PICTURE SOUND -t 3 H264 -c:a aac -movflags frag_keyframe+empty_moov+default_base_moof", true},
    {"fragmented_b_frames",
     "PICTURE SOUND -t 3 H264B -c:a aac -movflags frag_keyframe+empty_moov+default_base_moof",
     true},
    {"fragmented_delay_moov",
     "PICTURE SOUND -t 3 H264B -c:a aac -movflags frag_keyframe+delay_moov+default_base_moof",
     true},
    {"fragmented_negative_offsets",
     "PICTURE SOUND -t 3 H264B -c:a aac -movflags frag_keyframe+delay_moov+cmaf", true},
    {"fragmented_every_frame",
     "PICTURE SOUND -t 3 H264B -c:a aac -movflags frag_every_frame+empty_moov", true},
    {"fragmented_absolute_offsets",
     "PICTURE SOUND -t 3 H264 -c:a aac -movflags frag_keyframe+empty_moov", true},
    {"fragmented_separate",
     "PICTURE SOUND -t 3 H264 -c:a aac -movflags frag_keyframe+empty_moov+separate_moof", true},
    {"fragmented_not_empty_moov", "PICTURE SOUND -t 3 H264 -c:a aac -movflags frag_keyframe", true},
    {"audio_starts_late", "PICTURE -itsoffset 0.7 SOUND -t 3 H264B -c:a aac", false},
    {"h265_aac",
     "PICTURE SOUND -t 3 -c:v libx265 -preset ultrafast -x265-params "
     "log-level=none:keyint=25:bframes=2 -tag:v hvc1 -c:a aac",
     false},
    {"vp9_opus",
     "PICTURE SOUND -t 3 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 25 "
     "-pix_fmt yuv420p -c:a libopus",
     false},
    {"av1_opus", "PICTURE SOUND -t 2 -c:v libsvtav1 -preset 12 -g 25 -pix_fmt yuv420p -c:a libopus",
     false},
    {"audio_alone", "SOUND -t 3 -c:a aac", false},
    {"video_alone", "PICTURE -t 3 H264B", false},
    {"two_audio_tracks",
     "PICTURE SOUND SOUND -t 3 -map 0 -map 1 -map 2 H264 -c:a:0 aac -c:a:1 "
     "libopus",
     false},
};
INSTANTIATE_TEST_SUITE_P(kinds, media_file, testing::ValuesIn(kinds),
                         [](const auto& kind) { return std::string{kind.param.name}; });

} // namespace
} // namespace moqrtc::cmaf::test
