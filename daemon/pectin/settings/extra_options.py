"""A user's own options for ffmpeg: what may be among them. They reach the main output as they are, so nothing may be there that
names a file, another stream or another output, or that Pectin sets and checks itself. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

_NAME = re.compile(r"-(?P<name>[a-zA-Z][a-zA-Z0-9_-]*)(?P<stream>(?::[a-z0-9]+)*)")
# No slash and no `%`: a value is no path and no pattern of file names.
_VALUE = re.compile(r"(?!-)[\w+.,:;=@ -]{1,200}|-[0-9][0-9.:-]*")
_KEYS = re.compile(r"(?:^|:)\s*([a-zA-Z][\w-]*)")

_FILES = "it reads or writes a file"
_STREAMS = "Pectin decides which streams go where"
_OUTPUT = "the profile's own keys say what the output is"
_THREADS = "Pectin keeps the number of threads (`encoder.threads`)"
_FILLED = "Pectin fills this list itself, and a second one would take its place"
_RUN = "Pectin steers and watches ffmpeg by it"

# The reserved options. A name that ends with `*` stands for all that begin so.
_RESERVED: Mapping[str, Collection[str]] = {why: names.split() for why, names in (
    (_FILES, (
        "attach dump_attachment passlogfile pass stats_file vstats* sdp_file report progress filter_script "
        "filter_complex_script lavfi_script fpre vpre apre spre pre enc_stats* mux_stats* stats_enc* stats_mux* "
        "print_graphs* psnr_file dump hex sources sinks qphist cpuflags opencl* export_* hls_* segment_* seg_* strftime* "
        "method http_* headers cookies user_agent key*_file cert_file ca_file")),
    (_STREAMS, (
        "i map* an vn sn dn stream_group program streamid disposition metadata* ignore_chapters isync stream_loop "
        "itsoffset itsscale use_wallclock_as_timestamps")),
    (_OUTPUT, (
        "c codec vcodec acodec scodec dcodec f format filter filter_complex lavfi vf af target t to ss sseof fs frames "
        "vframes aframes dframes shortest* r s fpsmax fps_mode vsync async aspect pix_fmt sample_fmt ar ac ab aq b vb q "
        "qscale crf preset speed cpu-used deadline quality profile vprofile level refs maxrate minrate bufsize g "
        "keyint_min force_key_frames sc_threshold flags movflags brand tag vtag atag stag bsf vbsf absf channel_layout "
        "ch_layout chl color_* colorspace chroma_sample_location field_order top autorotate noautorotate copyts "
        "start_at_zero copytb copyinkf copypriorss avoid_negative_ts muxdelay muxpreload strict timecode time_base "
        "enc_time_base bits_per_raw_sample apply_cropping display_* fix_sub_duration* sub_charenc* rc_init_occupancy "
        "write_* use_editlist frag_* moov_size encryption_* cues_* dash qp lossless avcintra-class bluray-compat "
        "intra-refresh tier hielevel error-resilient ts-parameters aac_pce aac_ltp aac_pred live video_track_timescale "
        "movie_timescale use_stream_ids_as_track_ids ism_lookahead fragment_index min_frag_duration dash_track_number "
        "default_mode allow_raw_vfw flipped_raw_rgb rtpflags udu_sei")),
    (_THREADS, (
        "threads filter_threads filter_complex_threads thread_type thread_queue_size row-mt slices tile-columns tile-rows "
        "lp tile_columns tile_rows")),
    (_FILLED, "x265-params svtav1-params aom-params"),
    (_RUN, (
        "y n v loglevel hide_banner stats* nostats nostdin stdin debug* benchmark* timelimit xerror abort_on "
        "max_error_rate max_muxing_queue_size muxing_queue_data_threshold max_pixels max_alloc err_detect "
        "protocol_whitelist protocol_blacklist format_whitelist codec_whitelist init_hw_device filter_hw_device hwaccel* "
        "vaapi_device qsv_device re readrate* dump_separator help h version L license accurate_seek seek_timestamp "
        "recast_media find_stream_info bitexact fflags formats muxers demuxers devices codecs decoders encoders bsfs protocols "
        "filters pix_fmts layouts sample_fmts dispositions colors buildconf")),
)}
# Options whose value is a list of libx264's own ones. Of these the ones about files, threads and what the plan says are refused.
_LISTS = frozenset({"x264-params", "x264opts"})
_RESERVED_KEYS: Mapping[str, Collection[str]] = {why: names.split() for why, names in (
    (_FILES, "stats qpfile cqm cqmfile dump-yuv opencl opencl-clbin opencl-device log input output index tcfile-in tcfile-out"),
    (_THREADS, "threads lookahead-threads sliced-threads slices slice-max-size slice-max-mbs sync-lookahead"),
    (_OUTPUT, (
        "crf qp qpmin qpmax bitrate level profile ref vbv-maxrate vbv-bufsize vbv-init keyint min-keyint open-gop scenecut "
        "intra-refresh interlaced tff bff fake-interlaced pic-struct fps force-cfr sar range colorprim transfer colormatrix "
        "chromaloc annexb repeat-headers input-csp output-csp output-depth input-depth pass bluray-compat avcintra-class "
        "frame-packing lossless preset tune")),
)}


def problems(options: Sequence[str]) -> Iterator[tuple[int, str, str]]:
    """(index, what is wrong, what would be right) for every option that may not be there."""
    index = 0
    while index < len(options):
        name = _NAME.fullmatch(options[index])
        if name is None:
            yield (index, f"{options[index]!r} is no option",
                   "each option is its name (-name or -name:stream), then its value: [-tune:v, animation]")
            index += 1
            continue
        if why := _reserved(name["name"]):
            yield index, f"{options[index]} may not be given: {why}", "leave it out"
        if index + 1 == len(options) or _NAME.fullmatch(options[index + 1]):
            yield (index, f"{options[index]} has no value", "only options with one value each can be given here")
            index += 1
            continue
        yield from ((index + 1, what, hint) for what, hint in _value_problems(name["name"], options[index + 1]))
        index += 2


def _value_problems(name: str, value: str) -> Iterator[tuple[str, str]]:
    if not _VALUE.fullmatch(value):
        yield (f"{value!r} may not be the value of -{name}",
               "letters, digits and + . , : ; = @ - _ only: no path, no address, no option")
    elif name in _LISTS:
        for key in _KEYS.findall(value):
            for why, keys in _RESERVED_KEYS.items():
                if key.casefold().replace("_", "-").removeprefix("no-") in keys:
                    yield f"{key} may not be among -{name}: {why}", "leave it out"


def _reserved(name: str) -> str:
    """Why an option may not be given; empty: it may."""
    plain = name.removeprefix("no") if name.startswith("no") and len(name) > 2 else name
    for why, names in _RESERVED.items():
        for reserved in names:
            if reserved in (plain, name) or (reserved.endswith("*") and plain.startswith(reserved[:-1])):
                return why
    return ""
