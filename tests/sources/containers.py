"""Sources whose container is the point: order of boxes, tags, chapters, what else lies in the file, where time begins."""

from __future__ import annotations

from sources.phrases import AAC, FILM, X264, Source, picture, source, tone

_FITS = "video copy fits, audio copy fits"
_FAST = "-movflags +faststart"

CONTAINERS: tuple[Source, ...] = (
    source("whole.mp4", "already what every client plays", f"{FILM} {_FAST}", f"file: {_FITS}"),
    source("film.mkv", "Matroska", FILM, f"remux: {_FITS}"),
    source("film.mov", "QuickTime", FILM, f"remux: {_FITS}"),
    source("film.flv", "Flash video", FILM, f"remux: {_FITS}"),
    source("film.ts", "a transport stream, which begins at 1.4 s", FILM, f"remux: {_FITS}"),
    source("film.m2ts", "a transport stream of a disc", FILM, f"remux: {_FITS}"),
    source("film.3gp", "a phone's container", FILM, f"remux: {_FITS}"),
    source("index-last.mp4", "MP4 with its index at the end", FILM, f"remux: {_FITS}"),
    source("fragmented.mp4", "MP4 in fragments", f"{FILM} -movflags +frag_keyframe+empty_moov", f"remux: {_FITS}"),
    source("overview.mp4", "tags that would become Jellyfin's overview",
           f"{FILM} {_FAST} -metadata comment=ours -metadata description=ours -metadata title=Quince", f"remux: {_FITS}"),
    source("chapters.mkv", "chapters", f"{picture()} {tone()} -f ffmetadata -i {{kit}}/chapters -map 0 -map 1 "
           f"-map_metadata 2 -map_chapters 2 {X264} {AAC}", f"remux: {_FITS}"),
    source("fonts.mkv", "a font and a picture attached",
           f"{FILM} -attach {{kit}}/font.ttf -metadata:s:t:0 mimetype=font/ttf -attach {{kit}}/cover.png "
           "-metadata:s:t:1 mimetype=image/png", f"remux: {_FITS}, cover drop cover, attachment drop attachment"),
    source("cover.mp4", "a cover picture", f"{picture()} {tone()} -i {{kit}}/cover.png -map 0 -map 1 -map 2 {X264} -c:v:1 png "
           f"{AAC} -disposition:v:1 attached_pic {_FAST}", f"remux: {_FITS}, cover drop cover"),
    source("cover-first.mkv", "a still in front that nobody marked as a cover",
           f"-i {{kit}}/cover.jpg {picture(seconds=2)} {tone(2)} -map 0 -map 1 -map 2 {X264} -c:v:0 copy {AAC}",
           f"remux: {_FITS}, video drop second_video"),
    source("timecode.mov", "a timecode track", f"{FILM} -timecode 01:00:00:00", f"remux: {_FITS}, data drop data"),
    source("two-pictures.mkv", "two pictures",
           f"{picture()} {picture('128x96')} {tone()} -map 0 -map 1 -map 2 {X264} {AAC}",
           f"remux: {_FITS}, video drop second_video"),
    source("edit-list.mp4", "cut without encoding: an edit list hides what stands before the cut",
           f"-ss 1.5 -i {{film:long.mp4}} -c copy {_FAST}", f"file: {_FITS}"),
    source("negative.mkv", "time begins before zero",
           "-i {film:long.mp4} -c copy -output_ts_offset -0.5 -avoid_negative_ts disabled", f"remux: {_FITS}"),
    source("begins-later.mkv", "time begins at ten seconds", "-i {film:whole.mp4} -c copy -output_ts_offset 10",
           f"remux: {_FITS}"),
    source("long.mp4", "B-frames, three seconds", f"{picture(seconds=3)} {tone(3)} {X264} -bf 2 -g 50 {AAC} {_FAST}",
           f"file: {_FITS}"),
    source("rich.mkv", "two sound tracks, forced subtitles, chapters, a cover and a font",
           f"{picture()} {tone()} {tone()} -i {{kit}}/words.srt -f ffmetadata -i {{kit}}/chapters -map 0 -map 1 -map 2 -map 3 "
           f"-map_metadata 4 -map_chapters 4 {X264} -c:a:0 ac3 -ac:a:0 6 -c:a:1 aac -ac:a:1 2 -c:s srt -attach {{kit}}/font.ttf "
           "-metadata:s:t:0 mimetype=font/ttf -attach {kit}/cover.png -metadata:s:t:1 mimetype=image/png "
           "-metadata:s:a:0 language=deu -metadata:s:a:1 language=en -metadata:s:a:1 title=Commentary -disposition:a:1 comment "
           "-metadata:s:s:0 language=fra -disposition:s:0 forced",
           "encode: video copy fits, audio encode stereo_first, audio copy surround_kept, audio copy commentary, "
           "subtitle extract text_subtitle, cover drop cover, attachment drop attachment"),
    source("gap.ts", "a recording with an hour missing", "-i {film:film.ts} -map 0 -c copy "
           r"-bsf:v setts=ts=TS+gte(TS\,180000)*90000*3600 -bsf:a setts=ts=TS+gte(TS\,180000)*90000*3600", f"remux: {_FITS}"),
)
